import { S3Error } from '../s3-error.ts';
import type { XmlElement } from '../xml.ts';
import { childText, parseXmlBody, renderXml, type XmlNode } from '../xml-body.ts';

/** Aborts multipart uploads under a prefix that are not completed within `abortAfterDays` days. */
export type LifecycleRule = { id: string; isEnabled: boolean; prefix: string; abortAfterDays: number };

const MAX_RULES = 1000;
const MAX_ID_CHARACTERS = 255;

/**
 * Reads a LifecycleConfiguration: the S3 reference, "PutBucketLifecycleConfiguration". Throws MalformedXML,
 * InvalidArgument for two rules with one id, and NotImplemented for rules that expire or move objects or filter by
 * anything but a prefix, since only implemented rules are accepted.
 */
export function parseLifecycleRules(body: Buffer): LifecycleRule[] {
  const root = parseXmlBody(body);
  if (root.name !== 'LifecycleConfiguration' || root.children.length < 1 || root.children.length > MAX_RULES) {
    throw new S3Error('MalformedXML');
  }
  const rules = root.children.map(readRule);
  if (new Set(rules.map(({ id }) => id)).size < rules.length) {
    throw new S3Error('InvalidArgument', 'Rule ID must be unique. Found same ID for more than one rule');
  }
  return rules;
}

/** The document that `parseLifecycleRules` reads. */
export function renderLifecycleRules(rules: readonly LifecycleRule[]): Buffer {
  const nodes = rules.map(({ id, isEnabled, prefix, abortAfterDays }): XmlNode => {
    const days: XmlNode = ['DaysAfterInitiation', abortAfterDays];
    return [
      'Rule',
      [
        ['ID', id],
        ['Filter', [['Prefix', prefix]]],
        ['Status', isEnabled ? 'Enabled' : 'Disabled'],
        ['AbortIncompleteMultipartUpload', [days]],
      ],
    ];
  });
  return renderXml('LifecycleConfiguration', nodes);
}

function readRule(element: XmlElement, index: number): LifecycleRule {
  const id = childText(element, 'ID')?.trim() || `rule-${index + 1}`;
  const status = childText(element, 'Status')?.trim();
  if (element.name !== 'Rule' || (status !== 'Enabled' && status !== 'Disabled') || id.length > MAX_ID_CHARACTERS) {
    throw new S3Error('MalformedXML');
  }
  const known = ['ID', 'Status', 'Filter', 'Prefix', 'AbortIncompleteMultipartUpload'];
  refuseOthers(element, known);
  const filter = element.children.find(({ name }) => name === 'Filter');
  if (filter !== undefined) refuseOthers(filter, ['Prefix']);
  const abort = element.children.find(({ name }) => name === 'AbortIncompleteMultipartUpload');
  const days = abort === undefined ? '' : (childText(abort, 'DaysAfterInitiation')?.trim() ?? '');
  if (!/^[1-9][0-9]{0,8}$/.test(days)) throw new S3Error('MalformedXML');
  const prefix = childText(element, 'Prefix') ?? (filter === undefined ? null : childText(filter, 'Prefix')) ?? '';
  return { id, isEnabled: status === 'Enabled', prefix, abortAfterDays: Number(days) };
}

function refuseOthers(element: XmlElement, known: readonly string[]): void {
  const other = element.children.find(({ name }) => !known.includes(name));
  if (other !== undefined) throw new S3Error('NotImplemented', undefined, { Element: other.name });
}
