import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { expectProblem, mint, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';

const PART = 5 * 1024 ** 2;

/** Ceph 16, the real store of these tests, ignores `x-amz-checksum-*`. */
const KEEPS_CHECKSUMS = process.env.TEST_S3_ENDPOINT === undefined;

type Part = { partNumber: number; presignedUrl: string; headers: Record<string, string> };
type PartsUpload = { objectKey: string; uploadId: string; partSize: number; partCount: number; parts: Part[] };

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    env: { MULTIPART_THRESHOLD_BYTES: String(PART), MULTIPART_PART_BYTES: String(PART) },
  });
});
afterAll(() => service.close());

const bytes = Buffer.alloc(PART + 7, 'signpost ');
const pieces = [bytes.subarray(0, PART), bytes.subarray(PART)] as const;
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest();
const base64 = (data: Uint8Array) => sha256(data).toString('base64');
const composite = `${base64(Buffer.concat(pieces.map(sha256)))}-2`;
const listed = pieces.map((piece, index) => ({ partNumber: index + 1, checksumSha256: base64(piece) }));

const post = (path: string, body: unknown) => service.call<never>('alice', path, body);
const begin = async (more: Record<string, unknown> = { partChecksums: true }) => {
  const request = { fileName: 'film.bin', contentType: 'application/octet-stream', size: bytes.length };
  const { status, body } = await service.call<PartsUpload>('alice', '/presign-upload', { ...request, ...more });
  expect(status).toBe(200);
  return body;
};
const signParts = async ({ objectKey, uploadId }: PartsUpload, parts: unknown = listed) => {
  const { status, body } = await service.call<{ parts: [Part, Part] }>('alice', '/presign-parts', {
    objectKey,
    uploadId,
    parts,
  });
  expect(status).toBe(200);
  return body.parts;
};
const putPart = ({ presignedUrl, headers }: Part, body: Uint8Array<ArrayBuffer>) =>
  fetch(presignedUrl, { method: 'PUT', headers, body });
const sendAll = async (upload: PartsUpload) => {
  const signed = await signParts(upload);
  for (const [index, part] of signed.entries()) {
    expect((await putPart(part, pieces[index] ?? Buffer.alloc(0))).status).toBe(200);
  }
};

describe('an upload with partChecksums', () => {
  it('signs the checksum of each part, and the file has the composite', async () => {
    const upload = await begin();
    expect(upload).toMatchObject({ method: 'MULTIPART', partSize: PART, partCount: 2, parts: [] });
    const [first] = await signParts(upload);
    expect(first).toMatchObject({ size: PART, headers: { 'x-amz-checksum-sha256': base64(pieces[0]) } });
    await sendAll(upload);
    const { objectKey, uploadId } = upload;
    const confirmed = await post('/confirm-upload', { objectKey, uploadId });
    expect(confirmed.status).toBe(201);
    expect(confirmed.body).toMatchObject({ checksumSha256: KEEPS_CHECKSUMS ? composite : null });
    expect((await service.bucket.read(objectKey))?.equals(bytes)).toBe(true);
  });

  it('makes the bucket refuse a part with other bytes, another checksum or none', async () => {
    const [, last] = await signParts(await begin());
    const other = Buffer.from('not it.');
    expect((await putPart(last, other)).status).toBe(KEEPS_CHECKSUMS ? 400 : 200);
    const headers = { 'x-amz-checksum-sha256': base64(other) };
    expect((await putPart({ ...last, headers }, other)).status).toBe(403);
    expect((await putPart({ ...last, headers: {} }, pieces[1])).status).toBe(403);
  });

  it('is one PUT without part checksums for a small file', async () => {
    const upload = await service.presign('alice', {
      fileName: 'a.txt',
      contentType: 'text/plain',
      size: 5,
      partChecksums: true,
    });
    expect((await service.put(upload, 'hello')).status).toBe(200);
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
  });

  it('requires a checksum for each part; other uploads must not have one', async () => {
    const withThem = await begin();
    const without = await begin({});
    for (const [{ objectKey, uploadId }, parts, path] of [
      [withThem, { partNumbers: [1, 2] }, 'partNumbers.0'],
      [withThem, { parts: [listed[0], { partNumber: 2 }] }, 'parts.1'],
      [without, { parts: listed }, 'parts.0'],
    ] as const) {
      const refused = await post('/presign-parts', { objectKey, uploadId, ...parts });
      expectProblem(refused, 400, 'invalid-request');
      expect(refused.body).toMatchObject({ errors: [{ path }] });
    }
    expect(await signParts(without, [{ partNumber: 2 }])).toMatchObject([{ partNumber: 2, size: 7 }]);
  });

  it.each([
    ['both lists', { partNumbers: [1], parts: listed }, 'partNumbers'],
    ['no list', {}, 'partNumbers'],
    ['an empty list', { parts: [] }, 'parts'],
    ['101 parts', { parts: Array(101).fill(listed[0]) }, 'parts'],
    ['a part after the last', { parts: [{ ...listed[0], partNumber: 3 }] }, 'parts.0'],
    ['a composite checksum', { parts: [{ partNumber: 1, checksumSha256: composite }] }, 'parts.0.checksumSha256'],
    ['an unknown field', { parts: [{ ...listed[0], size: 7 }] }, 'parts.0.size'],
  ])('signs nothing for %s', async (_name, wrong, path) => {
    const { objectKey, uploadId } = await begin();
    const refused = await post('/presign-parts', { objectKey, uploadId, ...wrong });
    expectProblem(refused, 400, 'invalid-request');
    expect(refused.body).toMatchObject({ errors: [{ path }] });
  });
});

describe('a store that ignores checksums', () => {
  it('gets none to check: the upload in parts that asks for it is refused, one PUT is not', async () => {
    const app = createApp(withConfig(service.services, 'store', { checksums: false }));
    const presign = async (more: Record<string, unknown>) => {
      const answer = await app.request('/presign-upload', {
        method: 'POST',
        headers: { authorization: `Bearer ${await mint('alice')}`, 'content-type': 'application/json' },
        body: JSON.stringify({ fileName: 'a.txt', contentType: 'text/plain', size: 5, ...more }),
      });
      return { status: answer.status, body: (await answer.json()) as { headers?: Record<string, string> } };
    };
    expect((await presign({ method: 'MULTIPART', partChecksums: true })).status).toBe(400);
    expect((await presign({ partChecksums: true })).status).toBe(200);
    const { status, body } = await presign({ checksumSha256: base64(bytes) });
    expect([status, Object.keys(body.headers ?? {})]).toEqual([
      200,
      expect.not.arrayContaining(['x-amz-checksum-sha256']),
    ]);
  });
});
