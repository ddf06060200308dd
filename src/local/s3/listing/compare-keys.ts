/**
 * Orders keys by the bytes of their UTF-8, as S3 lists them. JavaScript compares UTF-16 units, which differs only in
 * that a surrogate (of a character above U+FFFF) comes after U+E000 to U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left === right) continue;
    const isLeftSurrogate = left >= 0xd800 && left <= 0xdfff;
    const isRightSurrogate = right >= 0xd800 && right <= 0xdfff;
    if (isLeftSurrogate === isRightSurrogate) return left - right;
    return isLeftSurrogate ? 1 : -1;
  }
  return a.length - b.length;
}
