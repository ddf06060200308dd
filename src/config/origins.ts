/**
 * Origins that pages may have, as `ALLOWED_ORIGINS` lists them; each is one of
 * - `*`, any;
 * - `https://app.example.com`, `http://localhost:5173`, `capacitor://localhost`: exactly this one, as browsers send it
 *   (RFC 6454, section 6.2);
 * - `https://*.example.com`: every subdomain of example.com, however deep, and not example.com itself.
 *
 * The same text is understood the same way in a bucket's CORS rule (S3 API Reference, "CORSRule": one `*` in each), so
 * that the service and the bucket let in the same pages.
 */
export const ANY_ORIGIN = '*';

/** `*` stands for the first labels; at least two follow, or `localhost`: `https://*.com` would be anybody's. */
const SUBDOMAINS = /^(https?:\/\/)\*((?:\.[a-z0-9-]+)+\.[a-z0-9-]*[a-z][a-z0-9-]*(?::\d+)?|\.localhost(?::\d+)?)$/;
const LABELS = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
/** Of apps that serve their own pages: Capacitor, Ionic, Tauri, browser extensions. */
const APP_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9_.-]+(:\d{1,5})?$/;
/** No scheme of an app: pages of these have no origin of their own, or that of the web. */
const OTHER_SCHEMES = /^(https?|wss?|ftp|file|data|blob|about|javascript):/;

/** Whether `ALLOWED_ORIGINS` may have it. */
export function isOriginPattern(text: string): boolean {
  if (text === ANY_ORIGIN) return true;
  if (SUBDOMAINS.test(text)) return isOrigin(text.replace('*', 'any'));
  return isOrigin(text) || (APP_ORIGIN.test(text) && !OTHER_SCHEMES.test(text));
}

/** Whether the patterns list this very origin. */
export function isListedOrigin(patterns: readonly string[], origin: string): boolean {
  return !origin.includes('*') && patterns.includes(origin);
}

/** Whether a pattern other than `*` lets this origin in. */
export function isNamedOrigin(patterns: readonly string[], origin: string): boolean {
  return isListedOrigin(patterns, origin) || patterns.some((pattern) => isSubdomain(pattern, origin));
}

function isSubdomain(pattern: string, origin: string): boolean {
  const [, head = '', tail = ''] = SUBDOMAINS.exec(pattern) ?? [];
  if (tail === '' || !origin.startsWith(head) || !origin.endsWith(tail)) return false;
  return LABELS.test(origin.slice(head.length, -tail.length));
}

/** As browsers write one: no path, no default port, lower case. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && !text.includes('*') && URL.canParse(text) && new URL(text).origin === text;
}
