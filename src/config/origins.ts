/**
 * Page origins as listed in `ALLOWED_ORIGINS`. Each is one of
 * - `*`, any;
 * - `https://app.example.com`, `http://localhost:5173`, `capacitor://localhost`: exactly this one, as browsers send it
 * (RFC 6454, section 6.2);
 * - `https://*.example.com`: every subdomain of example.com at any depth, but not example.com itself.
 *
 * A bucket's CORS rule reads the same text the same way (S3 API Reference, "CORSRule": one `*` in each), so that the
 * service and the bucket allow the same pages.
 */
export const ANY_ORIGIN = '*';

/** `*` replaces the first labels; at least two follow, or `localhost`: `https://*.com` would allow anybody. */
const SUBDOMAINS = /^(https?:\/\/)\*((?:\.[a-z0-9-]+)+\.[a-z0-9-]*[a-z][a-z0-9-]*(?::\d+)?|\.localhost(?::\d+)?)$/;
const LABELS = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;
/** Schemes of apps that serve their own pages: Capacitor, Ionic, Tauri, browser extensions. */
const APP_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9_.-]+(:\d{1,5})?$/;
/** Not an app's scheme: these pages have no origin, or that of the web. */
const OTHER_SCHEMES = /^(https?|wss?|ftp|file|data|blob|about|javascript):/;

/** Whether `ALLOWED_ORIGINS` may contain it. */
export function isOriginPattern(text: string): boolean {
  if (text === ANY_ORIGIN) return true;
  if (SUBDOMAINS.test(text)) return isOrigin(text.replace('*', 'any'));
  return isOrigin(text) || (APP_ORIGIN.test(text) && !OTHER_SCHEMES.test(text));
}

/** Whether the patterns list exactly this origin. */
export function isListedOrigin(patterns: readonly string[], origin: string): boolean {
  return !origin.includes('*') && patterns.includes(origin);
}

/** Whether a pattern other than `*` allows this origin. */
export function isNamedOrigin(patterns: readonly string[], origin: string): boolean {
  return isListedOrigin(patterns, origin) || patterns.some((pattern) => isSubdomain(pattern, origin));
}

function isSubdomain(pattern: string, origin: string): boolean {
  const [, head = '', tail = ''] = SUBDOMAINS.exec(pattern) ?? [];
  if (tail === '' || !origin.startsWith(head) || !origin.endsWith(tail)) return false;
  return LABELS.test(origin.slice(head.length, -tail.length));
}

/** As browsers send it: no path, no default port, lower case. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && !text.includes('*') && URL.canParse(text) && new URL(text).origin === text;
}
