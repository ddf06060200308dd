import type { S3Answer } from './s3-call.ts';
import { S3Error } from './s3-error.ts';
import { escapeXml, parseXml, type XmlElement } from './xml.ts';

/** An element to write: its name, and its text or its children. */
export type XmlNode = readonly [name: string, content: string | number | boolean | readonly XmlNode[]];

/** The document in a request's body. Throws MalformedXML. */
export function parseXmlBody(body: Buffer): XmlElement {
  try {
    return parseXml(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new S3Error('MalformedXML');
  }
}

/** The text of the child with this name; null if there is none. Throws MalformedXML if there are several. */
export function childText(element: XmlElement, name: string): string | null {
  const [child, ...others] = element.children.filter((candidate) => candidate.name === name);
  if (others.length > 0) throw new S3Error('MalformedXML');
  return child?.text ?? null;
}

/** A 200 with a document in S3's namespace. */
export function xmlAnswer(root: string, children: readonly XmlNode[]): S3Answer {
  return { status: 200, headers: [['content-type', 'application/xml']], body: renderXml(root, children) };
}

/** A document in S3's namespace. */
export function renderXml(root: string, children: readonly XmlNode[]): Buffer {
  const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<${root} ${namespace}>${children.map(renderNode).join('')}</${root}>`,
  );
}

/** A 200 with a document in S3's namespace that is one text. */
export function xmlTextAnswer(root: string, text: string): S3Answer {
  const body = renderXml(root, [])
    .toString()
    .replace('></', () => `>${escapeXml(text)}</`);
  return { status: 200, headers: [['content-type', 'application/xml']], body: Buffer.from(body) };
}

/** An element as text. */
export function renderNode([name, content]: XmlNode): string {
  const inner = typeof content === 'object' ? content.map(renderNode).join('') : escapeXml(String(content));
  return `<${name}>${inner}</${name}>`;
}
