import type { Stretch } from '../storage/read-object.ts';

/**
 * What a `Range` header asks of a file (RFC 9110, section 14.2): one range of bytes. null where there is nothing to
 * keep to, as for several ranges or another unit: then the whole file is the answer. `unsatisfiable` for a range behind
 * its end.
 */
export function parseRange(header: string | undefined, sizeBytes: number): Stretch | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const suffix = Math.min(Number(last), sizeBytes);
    return suffix === 0 ? 'unsatisfiable' : { start: sizeBytes - suffix, end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < start) return null;
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}
