import { afterAll, beforeAll, expect, it } from 'vitest';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { addSts, roleSessions } from './role-sessions.ts';

/**
 * Unexpected values that every field must handle: lone surrogates, control characters, their encodings, other names.
 */
const ODD = [
  '\ud800',
  'a\udfffb',
  '\u0000',
  'a\u0000b',
  '\u009b31m',
  '\u202e',
  '\u2028',
  '\r\n',
  '"\\',
  '',
  ' ',
  '%',
  '%00',
  '%ff',
  '%ED%A0%80',
  '%2e%2e%2f',
  '../../x',
  '//',
  '__proto__',
  '1e400',
  '-1',
  '9'.repeat(40),
  'x'.repeat(5_000),
  '10.5.+open.',
  '6.5242880.x\u0000',
  '999999999999999.1.x',
  '=?utf-8?q?a?=',
  '*/*',
  'a/b;c="\ud800"',
  '🧨'.repeat(99),
];
/** The values that are also tried as names and ids. */
const ODDEST = [
  '\ud800',
  '\u0000',
  '\u009b',
  '%00',
  '%ff',
  '%ED%A0%80',
  '..%2f..',
  '__proto__',
  'x'.repeat(5_000),
  '"',
];
const OTHER_TYPES: unknown[] = [null, true, -1, 1.5, 1e308, 2 ** 53, [], ['a'], [[]], {}, { a: 'b' }, { toString: 1 }];

type Shot = {
  method?: string;
  path: string;
  body?: unknown;
  query?: Record<string, string>;
  headers?: Record<string, string>;
};

let service: TestService;
let token: string;
let shots: Shot[];
beforeAll(async () => {
  const policies = JSON.stringify({ held: { hold: true } });
  const env = { PROXY_DOWNLOADS: 'true', EVENTS_SECRET: 'secret of bucket events', UPLOAD_POLICIES: policies };
  service = await startTestService({ env });
  addSts(service, roleSessions);
  token = await mint('alice', { scope: 'files:admin' });
  const { fileId, objectKey } = await service.store('alice', 'hello');
  const held = await service.store('alice', 'hello', { documentType: 'held' });
  await service.bucket.write('alice/by other means.txt', 'hello');
  const text = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
  const parts = { ...text, method: 'MULTIPART', partChecksums: true };
  const begun = await service.call<{ objectKey: string; uploadId: string }>('alice', '/presign-upload', parts);
  const { objectKey: key, uploadId } = begun.body;
  const open = { objectKey: key, uploadId };
  const checksumSha256 = 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=';
  const words = { recordId: 'r', documentType: 'd', metadata: { a: 'b' } };
  const place = { bucket: { name: service.bucket.name }, object: { key: objectKey } };
  const events = { path: '/events/s3', headers: { authorization: 'Bearer secret of bucket events' } };
  const s3 = `/s3/multipart/${encodeURIComponent(uploadId)}`;
  const conditions = { range: 'bytes=0-1', 'if-range': '"a"', 'if-none-match': '"a"' };
  shots = [
    { path: '/presign-upload', body: { ...text, ...words, checksumSha256, method: 'PUT', expiresIn: 9 } },
    { path: '/presign-upload', body: { ...text, metadata: { a: 'b' }, encryption: 'e', method: 'POST' } },
    { path: '/limits', query: { documentType: 'held' } },
    { path: '/temporary-credentials', body: { expiresIn: 900 } },
    { path: '/s3/sts' },
    { path: '/presign-upload', body: parts },
    { path: '/presign-upload/batch', body: { files: [text] } },
    { path: '/presign-parts', body: { ...open, partNumbers: [1] } },
    { path: '/presign-parts', body: { ...open, parts: [{ partNumber: 1, checksumSha256 }] } },
    { path: '/list-parts', body: open },
    { path: '/confirm-upload', body: { ...open, parts: [{ partNumber: 1, etag: '"a"' }] } },
    { path: '/confirm-upload', body: { objectKey } },
    { path: '/confirm-upload', body: { objectKey: 'alice/by other means.txt', adopt: true } },
    { path: '/held-files', query: { limit: '1', cursor: 'W10' } },
    { path: `/files/${held.fileId}/verdict` },
    { path: `/files/${held.fileId}/verdict`, body: { verdict: 'rejected', reason: 'r', by: 'b' } },
    { path: '/abort-upload', body: { ...open, objectKey } },
    { path: '/sign-request', body: { ...words, method: 'PUT', key: 'a.txt', contentType: 'text/plain', size: 5 } },
    { path: '/sign-request', body: { method: 'PUT', key, uploadId, partNumber: 1 } },
    { path: '/sign-request', body: { method: 'GET', key, uploadId } },
    { path: '/presign-download', body: { fileId, disposition: 'inline', fileName: 'b.txt', expiresIn: 9 } },
    { path: '/presign-download', body: { objectKey } },
    { path: '/presign-download/batch', body: { fileIds: [fileId] } },
    { path: '/files', query: { limit: '1', cursor: 'W10', recordId: 'r', documentType: 'd', q: 'a', sort: 'size' } },
    {
      path: '/files',
      query: { contentType: 'a/b', status: 'active', createdFrom: '2026-01-01', createdTo: '2026-01-02' },
    },
    { path: `/files/${fileId}` },
    { path: `/files/${fileId}/download`, query: { disposition: 'inline' } },
    { path: `/files/${fileId}/content`, query: { disposition: 'inline' }, headers: conditions },
    { method: 'PATCH', path: `/files/${fileId}`, body: { ...words, fileName: 'b.txt' } },
    { method: 'POST', path: `/files/${fileId}/archive` },
    { method: 'POST', path: `/files/${fileId}/restore` },
    { path: '/usage' },
    { path: '/audit', query: { cursor: '1', limit: '1' } },
    { path: '/s3/params', query: { filename: 'a.txt', type: 'text/plain', 'metadata[size]': '5', 'metadata[a]': 'b' } },
    { path: '/s3/multipart', body: { filename: 'a.txt', type: 'text/plain', metadata: { size: 5, name: 'a' } } },
    { path: s3, query: { key } },
    { path: `${s3}/batch`, query: { key, partNumbers: '1,2' } },
    { path: `${s3}/1`, query: { key } },
    { path: `${s3}/complete`, query: { key }, body: { parts: [{ PartNumber: 1, ETag: '"a"' }] } },
    { method: 'DELETE', path: s3, query: { key } },
    { method: 'DELETE', path: `/files/${fileId}` },
    { ...events, body: { Records: [{ eventName: 'ObjectCreated:Put', s3: place }] } },
    { ...events, body: { source: 'aws.s3', 'detail-type': 'Object Created', detail: place } },
    { path: '/readyz' },
  ];
});
afterAll(() => service.close());

/** All variants of a value with one odd part. */
function* bent(value: unknown): Generator<unknown> {
  yield* ODD;
  yield* OTHER_TYPES;
  if (Array.isArray(value)) {
    for (const odd of bent(value[0])) yield [odd];
  } else if (typeof value === 'object' && value !== null) {
    for (const name of ODDEST) yield { ...value, [name]: 'x' };
    for (const [name, inner] of Object.entries(value)) for (const odd of bent(inner)) yield { ...value, [name]: odd };
  }
}

function* bentShots(shot: Shot): Generator<Shot> {
  yield shot;
  if (shot.body !== undefined) for (const body of [...bent(shot.body), 'x'.repeat(2 ** 20)]) yield { ...shot, body };
  for (const name of Object.keys(shot.query ?? {})) {
    for (const odd of ODD) yield { ...shot, query: { ...shot.query, [name]: odd } };
  }
  for (const odd of ODDEST) yield { ...shot, query: { ...shot.query, [odd]: odd } };
  const segments = shot.path.split('/');
  for (const [index] of segments.entries()) {
    for (const odd of ODDEST) {
      const path = (text: string) => segments.with(index, text).join('/');
      yield { ...shot, path: path(odd) };
      yield { ...shot, path: path(encodeURIComponent(odd.toWellFormed())) };
    }
  }
  for (const name of ['x-on-behalf-of', 'x-request-id', 'content-type', 'origin', ...Object.keys(shot.headers ?? {})]) {
    for (const odd of ODDEST) {
      // A header can contain bytes without control characters.
      const value = Buffer.from(odd)
        .toString('latin1')
        .replace(/[^ -\xff]/g, '');
      yield { ...shot, headers: { ...shot.headers, [name]: value } };
    }
  }
}

async function shoot({ method, path, body, query, headers }: Shot): Promise<number> {
  const search = query === undefined ? '' : `?${new URLSearchParams(query)}`;
  const json = { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const { body: text = null, headers: type = {} } = body === undefined ? {} : json;
  // A path that starts with two slashes would name another host.
  const url = new URL('http://service');
  url.pathname = path;
  const response = await service.app.request(`${url.href}${search}`, {
    method: method ?? (text === null ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${token}`, ...type, ...headers },
    body: text,
  });
  await response.arrayBuffer();
  return response.status;
}

/** On a busy machine, a row of the audit log may be late; that is no answer to an odd input. */
function isLate({ message, fields }: (typeof service.logs)[number]): boolean {
  return message.includes('missing from the audit log') && /does not answer|no answer within/.test(String(fields.err));
}

it('answers odd bodies, queries, paths and headers below 500, without an error in the log', async () => {
  for (const shot of shots) {
    const waiting = bentShots(shot);
    const shootAll = async () => {
      for (const each of waiting) {
        const status = await shoot(each);
        if (status >= 500) expect.fail(`${status}: ${JSON.stringify(each).slice(0, 500)}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, shootAll));
    const alarms = service.logs.splice(0).filter((line) => line.level === 'error' && !isLate(line));
    expect(alarms.map(({ message, fields }) => [shot.path, message, String(fields.err)])).toEqual([]);
  }
});
