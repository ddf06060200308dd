/**
 * Text as the service accepts it in names and metadata: without control characters and the overrides that make
 * `fdp.exe` look like `exe.pdf`; half of a surrogate pair becomes U+FFFD, as in UTF-8.
 */
export function cleanText(text: string): string {
  return text.replace(/[\p{Cc}\u202d\u202e]/gu, '').replace(/\p{Cs}/gu, '\ufffd');
}
