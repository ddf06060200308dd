import { otherDigit } from '../../helpers/other-digit.ts';
import { signChunks } from '../../local/s3/sign-chunks.ts';
import type { Step, Store } from '../compare-stores.ts';
import type { Case } from './case.ts';

const PIECES = [Buffer.alloc(10_000, 'first '), Buffer.from('the end')];
const SIZE = String(PIECES.reduce((sum, { length }) => sum + length, 0));

/** Bodies of signed chunks, which are signed for the store's keys. */
export function chunkCases(keys: Store): Case[] {
  const put = (tamperBody: (body: string) => string, headers: Record<string, string> = {}): Step => ({
    method: 'PUT',
    at: '/chunked',
    payload: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    headers: { 'content-encoding': 'aws-chunked', 'x-amz-decoded-content-length': SIZE, ...headers },
    tamper: (request) => ({ ...request, body: Buffer.from(tamperBody(signChunks(request, keys, PIECES)), 'latin1') }),
  });
  const cases: [string, Step][] = [
    ['as they are', put((body) => body)],
    ['of other bytes', put((body) => body.replace('first', 'other'))],
    ['with another signature', put((body) => body.replace(/(?<=chunk-signature=)./, otherDigit))],
    ['without the last', put((body) => body.replace(/(?<=\r\n)0;[\s\S]*$/, ''))],
    ['without a length', put((body) => body, { 'x-amz-decoded-content-length': '' })],
    ['of another length', put((body) => body, { 'x-amz-decoded-content-length': '5' })],
  ];
  return cases.map(([name, step]) => ({ name: `signed chunks ${name}`, steps: [step, { at: '/chunked' }] }));
}
