import { createHash } from 'node:crypto';
import type { Step } from '../compare-stores.ts';

export type Case = { name: string; steps: Step[] };

export function put(key: string, text = 'hello', headers: Record<string, string> = {}): Step {
  return { method: 'PUT', at: `/${key}`, text, headers };
}

export function md5(text: string | Buffer): string {
  return createHash('md5').update(text).digest('hex');
}

/** The header that RFC 1864 has for the MD5 of a body. */
export function contentMd5(text: string): Record<string, string> {
  return { 'content-md5': createHash('md5').update(text).digest('base64') };
}

export function describe(headers: Record<string, string>): string {
  const pairs = Object.entries(headers).map(([name, value]) => `${name}: ${value.length > 99 ? value.length : value}`);
  return pairs.join(', ') || 'no headers';
}
