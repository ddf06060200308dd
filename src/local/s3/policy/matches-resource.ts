/**
 * Whether a resource matches a policy's pattern: `*` matches any characters, `?` one. Takes at most the product of both
 * lengths.
 */
export function matchesResource(pattern: string, resource: string): boolean {
  let at = 0;
  let read = 0;
  let star = -1;
  let resumeAt = 0;
  while (read < resource.length) {
    if (pattern[at] === '*') {
      star = at++;
      resumeAt = read;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === resource[read])) {
      at++;
      read++;
    } else if (star !== -1) {
      // The last star takes one character more.
      at = star + 1;
      read = ++resumeAt;
    } else {
      return false;
    }
  }
  return /^\**$/.test(pattern.slice(at));
}
