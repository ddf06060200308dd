/** The tags that HTML may begin with (WHATWG MIME Sniffing standard, section 7.1). */
const HTML_TAGS = new Set([
  'html',
  'head',
  'script',
  'iframe',
  'h1',
  'div',
  'font',
  'table',
  'a',
  'style',
  'title',
  'b',
  'body',
  'br',
  'p',
]);

/** What XML and HTML may contain before their first tag, and how each ends. */
const BEFORE_ROOT = [
  { begins: /^<\?/, ends: /\?>/ },
  { begins: /^<!--/, ends: /-->/ },
  { begins: /^<!doctype[^>[]*\[/i, ends: /\][\t\n\f\r ]*>/ },
  { begins: /^<!doctype/i, ends: />/ },
];

/**
 * Detects HTML, SVG and XML (WHATWG MIME Sniffing standard, section 7.1). Also accepts a byte order mark, UTF-16, and
 * any white space after the tag's name, because browsers do.
 * @returns `text/html`, `application/xhtml+xml`, `image/svg+xml`, `application/xml`; null for anything else.
 */
export function detectMarkup(bytes: Uint8Array): string | null {
  const text = decode(bytes).replace(/^[\t\n\f\r ]+/, '');
  if (!text.startsWith('<')) return null;
  const { doctype, root } = findRoot(text);
  const isXml = /^<\?xml[\t\n\f\r ]/.test(text);
  if (doctype === 'svg' || root === 'svg' || root.endsWith(':svg')) return 'image/svg+xml';
  if (doctype === 'html' || HTML_TAGS.has(root)) return isXml ? 'application/xhtml+xml' : 'text/html';
  if (isXml) return 'application/xml';
  return text.startsWith('<!--') ? 'text/html' : null;
}

/** The names of the document type and of the first tag, in lower case; empty if the sample has none. */
function findRoot(text: string): { doctype: string; root: string } {
  let doctype = '';
  let rest = text;
  for (;;) {
    const before = BEFORE_ROOT.find(({ begins }) => begins.test(rest));
    doctype ||= /^<!doctype[\t\n\f\r ]+([\w.:-]+)/i.exec(rest)?.[1]?.toLowerCase() ?? '';
    if (before === undefined) break;
    const end = before.ends.exec(rest);
    if (end === null) return { doctype, root: '' };
    rest = rest.slice(end.index + end[0].length).trimStart();
  }
  return { doctype, root: /^<([\w.:-]+)([\t\n\f\r >]|\/(?!>))/.exec(rest)?.[1]?.toLowerCase() ?? '' };
}

function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  // The search is for ASCII, which is the same in UTF-8 and in the code pages.
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '');
}
