const MAX_LENGTH = 512;
/** More layers of percent-encoding than any client or proxy adds. */
const MAX_LAYERS = 8;

/**
 * What may be a token (RFC 7519): JSON in base64url, which begins `{"` or with a space after the brace, and all that
 * hangs on it; or any three long parts with dots between them.
 */
const TOKEN = /(eyJ|(?<![\w-])e[wy])[\w-]{5,}[\w.=~+-]*|(?<![\w-])[\w-]{16,}\.[\w-]{16,}\.[\w-]*/g;

/** Whether a text has anything in it that may be a token. */
export function hasToken(text: string): boolean {
  return text.search(TOKEN) !== -1;
}

/**
 * A request's path as the log may have it: printable ASCII, what is not percent-encoded, `…` for whatever looks like a
 * token, however it is encoded, and at the end of what is cut after 512 characters.
 */
export function toLogPath(path: string): string {
  const plain = decodeLayers(path);
  if (plain === null) return '…';
  const text = hasToken(plain) ? plain.replace(TOKEN, '…') : path;
  const ascii = text.replace(/[^\x21-\x7e…]+/g, encode);
  return ascii.length > MAX_LENGTH ? `${ascii.slice(0, MAX_LENGTH)}…` : ascii;
}

/** Without percent-encoding; null where there is no end of it. */
function decodeLayers(path: string): string | null {
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
