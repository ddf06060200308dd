import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { MAX_UPLOAD_BYTES: '1000', ALLOWED_CONTENT_TYPES: 'text/plain' } });
});
afterAll(() => service.close());

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const presign = async (signpost: unknown, request: object = {}) => {
  const headers = { authorization: `Bearer ${await mint('guest', { scope: 'files:write', signpost })}` };
  return (await service.call('guest', '/presign-upload', { ...TEXT, ...request }, { headers })).status;
};

describe('a ticket that cannot be understood', () => {
  it.each<[unknown]>([
    ...[null, 1, 'x', true, [], [{}]].map((claim): [unknown] => [claim]),
    [{ maxByte: 5 }],
    [{ maxBytes: '5' }],
    [{ maxBytes: -1 }],
    [{ maxBytes: 1.5 }],
    [{ maxBytes: 1e30 }],
    [{ maxBytes: null }],
    [{ maxBytes: [5] }],
    [{ contentTypes: [] }],
    [{ contentTypes: 'text/plain' }],
    [{ contentTypes: ['text'] }],
    [{ contentTypes: [null] }],
    [{ contentTypes: ['text/plain\r\nx: y'] }],
    [{ documentTypes: [] }],
    [{ documentTypes: ['../x'] }],
    [{ documentTypes: { 0: 'x' } }],
    [{ recordId: '' }],
    [{ recordId: '..' }],
    [{ recordId: 'a/b' }],
    [{ recordId: ['a'] }],
    [{ maxFiles: '1' }],
    [{ maxFiles: -1 }],
    [{ quotaBytes: 'all' }],
    [{ quotaFiles: 0.5 }],
    [{ uploadsUntil: 'tomorrow' }],
    [{ uploadsUntil: 4_000_000_000 }],
    [{ uploadsUntil: '2999-01-01' }],
    [{ uploadsUntil: '2999-01-01T00:00:00' }],
    [{ MAXBYTES: 5 }],
    [{ constructor: {} }],
  ])('opens nothing: %j', async (claim) => {
    expect(await presign(claim)).toBe(401);
  });
});

describe('a ticket', () => {
  it.each<[object, object]>([
    [{ maxBytes: 1_000_000 }, { size: 1001 }],
    [{ contentTypes: ['*/*'] }, { contentType: 'text/html' }],
    [{ contentTypes: ['text/*'] }, { contentType: 'text/html' }],
    [{ contentTypes: ['text/plain'] }, { contentType: 'text/plain, text/html' }],
    [{ documentTypes: ['id'] }, { documentType: 'ID' }],
    [{ documentTypes: ['id'] }, { documentType: 'id2' }],
    [{ documentTypes: ['id'] }, {}],
    [{ recordId: 'case-1' }, { recordId: 'case-10' }],
    [{ recordId: 'case-1' }, { recordId: 'CASE-1' }],
    [{ recordId: 'case-1' }, {}],
    [{ maxFiles: 0 }, {}],
    [{ quotaBytes: 0 }, {}],
    [{ quotaFiles: 0 }, {}],
    [{ uploadsUntil: '1970-01-01T00:00:00Z' }, {}],
    [{ uploadsUntil: '2026-01-01T00:00:00+14:00' }, {}],
  ])('%j never lets %j through', async (claim, request) => {
    for (const more of [{}, { method: 'POST' }, { method: 'MULTIPART' }]) {
      expect([400, 403, 413, 415]).toContain(await presign(claim, { ...request, ...more }));
    }
  });

  it('lets an upload through only if each of its limits is one, and allows it', async () => {
    const odd = [
      null,
      '',
      '5',
      -1,
      0.5,
      4,
      5,
      1e30,
      true,
      [],
      ['5'],
      {},
      'text/plain',
      ['text/plain'],
      ['text/*'],
      ['*/*'],
    ];
    const value = fc.oneof(fc.constantFrom<unknown>(...odd), fc.jsonValue({ maxDepth: 1 }));
    const names = ['maxBytes', 'contentTypes', 'documentTypes', 'recordId', 'maxFiles', 'quotaBytes', 'quotaFiles'];
    const allows: Record<string, (limit: unknown) => boolean> = {
      maxBytes: (limit) => Number.isInteger(limit) && Number(limit) >= TEXT.size,
      quotaBytes: (limit) => Number.isInteger(limit) && Number(limit) >= TEXT.size,
      quotaFiles: (limit) => Number.isInteger(limit) && Number(limit) >= 1,
      maxFiles: (limit) => Number.isInteger(limit) && Number(limit) >= 1,
      contentTypes: (limit) =>
        Array.isArray(limit) && limit.some((type) => ['text/plain', 'text/*', '*/*'].includes(type)),
    };
    const claim = fc.dictionary(fc.constantFrom(...names, 'other', 'maxbytes'), value, { maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(claim, async (limits) => {
        const status = await presign(limits);
        expect([200, 400, 401, 403, 413, 415]).toContain(status);
        if (status !== 200) return;
        for (const [name, limit] of Object.entries(limits)) expect([name, allows[name]?.(limit)]).toEqual([name, true]);
      }),
      { seed: 20261127, numRuns: 400 },
    );
  });

  it('cannot be put into the request, nor into its metadata', async () => {
    for (const more of [{ signpost: { maxBytes: 1e9 } }, { limits: {} }, { metadata: { 'signpost-limits': 'e30' } }]) {
      expect(await presign({ maxBytes: 10 }, more)).toBe(400);
    }
  });
});
