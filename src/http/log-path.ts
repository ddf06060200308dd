const MAX_LENGTH = 512;
/** The maximum number of percent-encoding layers to decode: more than clients and proxies add. */
const MAX_LAYERS = 8;

/**
 * Matches possible tokens (RFC 7519): base64url of JSON that begins with `{"` or with a space after the brace, and
 * everything attached to it; or any three long parts separated by dots.
 */
const TOKEN = /(eyJ|(?<![\w-])e[wy])[\w-]{5,}[\w.=~+-]*|(?<![\w-])[\w-]{16,}\.[\w-]{16,}\.[\w-]*/g;

/** Whether a text contains a possible token. */
export function hasToken(text: string): boolean {
  return text.search(TOKEN) !== -1;
}

/** The text, with `…` for whatever may be a token. */
export function withoutTokens(text: string): string {
  return text.replace(TOKEN, '…');
}

/**
 * A request's path for the log: printable ASCII, the rest percent-encoded; `…` replaces everything that looks like a
 * token, in any encoding, and marks a path cut after 512 characters.
 */
export function toLogPath(path: string): string {
  const plain = decodeLayers(path);
  if (plain === null) return '…';
  const text = hasToken(plain) ? withoutTokens(plain) : path;
  const ascii = text.replace(/[^\x21-\x7e…]+/g, encode);
  return ascii.length > MAX_LENGTH ? `${ascii.slice(0, MAX_LENGTH)}…` : ascii;
}

/** Removes percent-encoding; null if there are too many layers. */
function decodeLayers(path: string): string | null {
  if (!path.includes('%')) return path;
  let text = path;
  for (let layer = 0; layer < MAX_LAYERS; layer++) {
    const decoded = text.replace(/%[0-7][0-9a-f]/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
    if (decoded === text) return text;
    text = decoded;
  }
  return null;
}

function encode(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
}
