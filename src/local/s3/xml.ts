export type XmlElement = { name: string; text: string; children: XmlElement[] };

const MAX_DEPTH = 16;

/** What may come next: a processing instruction, a comment, CDATA, the end or the start of an element, or text. */
const TOKENS = [
  /<\?[^?]*\?>/,
  /<!--(?<comment>[^-]*(?:-[^-]+)*)-->/,
  /<!\[CDATA\[(?<cdata>[^\]]*(?:\](?!\]>)[^\]]*)*)\]\]>/,
  /<\/(?<close>[\w:.-]+)\s*>/,
  /<(?<open>[\w:.-]+)(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(?<empty>\/?)>/,
  /(?<text>[^<]+)/,
];
const TOKEN = new RegExp(TOKENS.map(({ source }) => source).join('|'), 'y');

const ENTITIES = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

/**
 * Reads the XML that S3 requests carry: elements, text, comments, CDATA. Attributes (the namespace) are skipped and a
 * document type is refused, so there are no entities to expand. Throws a SyntaxError for anything else, and for more
 * than 16 levels.
 */
export function parseXml(source: string): XmlElement {
  const root: XmlElement = { name: '', text: '', children: [] };
  const open = [root];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const groups = TOKEN.exec(source)?.groups;
    const current = open.at(-1);
    if (groups === undefined || current === undefined) throw new SyntaxError('not well-formed XML');
    const { cdata, close, open: name, empty, text } = groups;
    if (name !== undefined) {
      const element: XmlElement = { name, text: '', children: [] };
      current.children.push(element);
      if (empty === '') open.push(element);
      if (open.length > MAX_DEPTH) throw new SyntaxError('XML nested too deeply');
    } else if (close !== undefined) {
      if (current === root || current.name !== close) throw new SyntaxError(`unexpected </${close}>`);
      open.pop();
    } else {
      current.text += cdata ?? (text === undefined ? '' : unescapeXml(text));
    }
  }
  const [document, ...others] = root.children;
  if (document === undefined || others.length > 0 || open.length > 1 || root.text.trim() !== '') {
    throw new SyntaxError('an XML document has exactly one root element');
  }
  return document;
}

/** Text as XML content. Characters XML 1.0 cannot carry become U+FFFD. */
export function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
      .replace(/\r/g, '&#13;')
  );
}

function unescapeXml(text: string): string {
  return text.replace(/&([^;]*);?/g, (whole, name: string) => {
    const character = /^#(?:[0-9]{1,7}|x[0-9a-fA-F]{1,6})$/.test(name)
      ? fromCodePoint(Number(name.slice(1).replace('x', '0x')))
      : ENTITIES.get(name);
    if (character === undefined || !whole.endsWith(';')) throw new SyntaxError('unknown entity');
    return character;
  });
}

function fromCodePoint(codePoint: number): string | undefined {
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : undefined;
}
