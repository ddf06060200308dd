import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../helpers/test-service.ts';

let service: TestService;
let source: Record<string, string>;
beforeAll(async () => {
  service = await startTestService({ env: { S3_SIGN_ABSENT_HEADERS: 'true' } });
  const file = await service.store('victim', 'for nobody else');
  source = { 'x-amz-copy-source': `/${service.bucket.name}/${file.objectKey}` };
});
afterAll(() => service.close());

const request = { fileName: 'a.txt', contentType: 'text/plain', size: 15 };
type Parts = { objectKey: string; uploadId: string; parts: { presignedUrl: string }[] };

/** The statuses of a request with an added header, and as it was signed. */
async function send(
  url: string,
  init: RequestInit & { headers?: Record<string, string> },
  more: Record<string, string>,
) {
  const changed = await fetch(url, { ...init, headers: { ...init.headers, ...more } });
  const asSigned = await fetch(url, init);
  return { changed: changed.status, asSigned: asSigned.status };
}

// Ceph accepts unsigned headers: x-amz-copy-source turns an upload into a copy of any object that the service may read.
describe('S3_SIGN_ABSENT_HEADERS, on Ceph', () => {
  it.each([
    ['a copy', () => source],
    ['a public ACL', () => ({ 'x-amz-acl': 'public-read' })],
    ['a grant', () => ({ 'x-amz-grant-read': 'uri="http://acs.amazonaws.com/groups/global/AllUsers"' })],
  ])('keeps a PUT from becoming %s', async (_, more) => {
    const upload = await service.presign('eve', request);
    const init = { method: 'PUT', headers: upload.headers, body: 'fifteen letters' };
    expect(await send(upload.presignedUrl, init, more())).toEqual({ changed: 403, asSigned: 200 });
    expect((await service.confirm('eve', upload.objectKey)).status).toBe(201);
    expect(String(await service.bucket.read(upload.objectKey))).toBe('fifteen letters');
  });

  it('keeps a part from becoming a copy, whatever its size', async () => {
    const { body } = await service.call<Parts>('eve', '/presign-upload', { ...request, method: 'MULTIPART' });
    const begun = await service.call<{ key: string; uploadId: string }>('eve', '/s3/multipart', { filename: 'a.txt' });
    const open = { objectKey: begun.body.key, uploadId: begun.body.uploadId, partNumbers: [1] };
    const signed = await service.call<Parts>('eve', '/presign-parts', open);
    const init = { method: 'PUT', body: new TextEncoder().encode('fifteen letters') };
    for (const { presignedUrl } of [...body.parts, ...signed.body.parts]) {
      expect((await fetch(presignedUrl, { method: 'PUT', headers: source })).status).toBe(403);
      expect(await send(presignedUrl, init, source)).toEqual({ changed: 403, asSigned: 200 });
    }
  });

  it('lets Uppy begin, fill and complete an upload by itself', async () => {
    const sign = (more: Record<string, unknown>) =>
      service.call<{ url: string; key: string; headers: Record<string, string> }>('eve', '/sign-request', {
        expiresIn: 300,
        ...more,
      });
    const { body } = await sign({ method: 'POST', key: 'a.txt', contentType: 'text/plain' });
    const headers = { ...body.headers, 'content-type': 'text/plain' };
    const begun = await (await fetch(body.url, { method: 'POST', headers })).text();
    const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(begun)?.[1];
    const part = await sign({ method: 'PUT', key: body.key, uploadId, partNumber: 1 });
    const sent = await fetch(part.body.url, { method: 'PUT', body: new TextEncoder().encode('fifteen letters') });
    expect(sent.status).toBe(200);
    const list = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${sent.headers.get('etag')}</ETag></Part></CompleteMultipartUpload>`;
    const completion = await sign({ method: 'POST', key: body.key, uploadId });
    expect((await fetch(completion.body.url, { method: 'POST', body: list })).status).toBe(200);
    expect((await service.confirm('eve', body.key)).status).toBe(201);
  });
});
