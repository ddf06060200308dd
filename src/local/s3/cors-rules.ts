import { S3Error } from './s3-error.ts';
import { escapeXml, type XmlElement } from './xml.ts';
import { parseXmlBody } from './xml-body.ts';

/** One rule of a bucket's CORS configuration. In origins and headers one `*` stands for any characters. */
export type CorsRule = {
  id: string | null;
  allowedOrigins: string[];
  allowedMethods: string[];
  allowedHeaders: string[];
  exposeHeaders: string[];
  maxAgeSeconds: number | null;
};

const MAX_RULES = 100;
const METHODS = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];
const LIST_ELEMENTS = ['AllowedOrigin', 'AllowedMethod', 'AllowedHeader', 'ExposeHeader'];

/**
 * Reads a CORSConfiguration: the S3 reference, "PutBucketCors". 1 to 100 rules, each with an origin and a method.
 * Throws MalformedXML, and InvalidRequest for another method or a pattern with two wildcards.
 */
export function parseCorsRules(body: Buffer): CorsRule[] {
  const root = parseXmlBody(body);
  const rules = root.children.map(readRule);
  if (root.name !== 'CORSConfiguration' || rules.length < 1 || rules.length > MAX_RULES) {
    throw new S3Error('MalformedXML');
  }
  return rules;
}

/** The document that `parseCorsRules` reads. */
export function renderCorsRules(rules: readonly CorsRule[]): Buffer {
  const body = rules.map((rule) => {
    const fields = [
      ...(rule.id === null ? [] : [['ID', rule.id] as const]),
      ...rule.allowedOrigins.map((value) => ['AllowedOrigin', value] as const),
      ...rule.allowedMethods.map((value) => ['AllowedMethod', value] as const),
      ...rule.allowedHeaders.map((value) => ['AllowedHeader', value] as const),
      ...rule.exposeHeaders.map((value) => ['ExposeHeader', value] as const),
      ...(rule.maxAgeSeconds === null ? [] : [['MaxAgeSeconds', String(rule.maxAgeSeconds)] as const]),
    ];
    return `<CORSRule>${fields.map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`).join('')}</CORSRule>`;
  });
  return Buffer.from(
    '<?xml version="1.0" encoding="UTF-8"?>\n<CORSConfiguration ' +
      `xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${body.join('')}</CORSConfiguration>`,
  );
}

function readRule(element: XmlElement): CorsRule {
  const texts = (name: string) => element.children.filter((child) => child.name === name).map((child) => child.text);
  const known = element.children.every(({ name }) => [...LIST_ELEMENTS, 'ID', 'MaxAgeSeconds'].includes(name));
  const rule = {
    id: texts('ID')[0] ?? null,
    allowedOrigins: texts('AllowedOrigin'),
    allowedMethods: texts('AllowedMethod'),
    allowedHeaders: texts('AllowedHeader'),
    exposeHeaders: texts('ExposeHeader'),
    maxAgeSeconds: texts('MaxAgeSeconds').map(readMaxAge)[0] ?? null,
  };
  if (element.name !== 'CORSRule' || !known || rule.allowedOrigins.length === 0 || rule.allowedMethods.length === 0) {
    throw new S3Error('MalformedXML');
  }
  const badMethod = rule.allowedMethods.find((method) => !METHODS.includes(method));
  if (badMethod !== undefined) {
    const message = `Found unsupported HTTP method in CORS config. Unsupported method is ${badMethod}`;
    throw new S3Error('InvalidRequest', message);
  }
  requireOneWildcard('AllowedOrigin', rule.allowedOrigins);
  requireOneWildcard('AllowedHeader', rule.allowedHeaders);
  const badExposed = rule.exposeHeaders.find((header) => !/^[A-Za-z0-9!#$%&'+.^_`|~-]+$/.test(header));
  if (badExposed !== undefined) {
    throw new S3Error('InvalidRequest', `ExposeHeader "${badExposed}" is not a header name or contains a wildcard.`);
  }
  return rule;
}

function requireOneWildcard(element: string, patterns: readonly string[]): void {
  const bad = patterns.find((pattern) => pattern.split('*').length > 2);
  if (bad !== undefined) {
    throw new S3Error('InvalidRequest', `${element} "${bad}" can not have more than one wildcard.`);
  }
}

function readMaxAge(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text.trim())) throw new S3Error('MalformedXML');
  return Number(text);
}
