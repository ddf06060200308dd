import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService, type Upload } from '../helpers/test-service.ts';
import { changedText } from './changed-text.ts';

type Form = { objectKey: string; presignedUrl: string; fields: Record<string, string> };
type Parts = { objectKey: string; uploadId: string; parts: { partNumber: number; presignedUrl: string }[] };

let service: TestService;
let alices: string;
beforeAll(async () => {
  // Ceph takes headers that were not signed, unless their absence is.
  const isReal = process.env.TEST_S3_ENDPOINT !== undefined;
  service = await startTestService({ env: isReal ? { S3_SIGN_ABSENT_HEADERS: 'true' } : {} });
  alices = (await service.store('alice', 'secret')).objectKey;
});
afterAll(() => service.close());

const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const presignForm = async () =>
  (await service.call<Form>('mallory', '/presign-upload', { ...TEXT, method: 'POST' })).body;

async function submit({ presignedUrl }: Form, fields: readonly (readonly [string, string])[], content = 'hello') {
  const data = new FormData();
  for (const [name, value] of fields) data.append(name, value);
  data.append('file', new Blob([content]), 'a.txt');
  return (await fetch(presignedUrl, { method: 'POST', body: data })).status;
}

const decode = (policy: string) => JSON.parse(Buffer.from(policy, 'base64').toString());
const encode = (policy: unknown) => Buffer.from(JSON.stringify(policy)).toString('base64');
const isRefused = (status: number) => status >= 400 && status < 500;

describe('a form, changed by its recipient', () => {
  it('is taken as it is', async () => {
    const form = await presignForm();
    expect(await submit(form, Object.entries(form.fields))).toBe(204);
  });

  type Change = (fields: Record<string, string>) => Record<string, string> | [string, string][];
  const without =
    (name: string): Change =>
    ({ ...fields }) => {
      for (const key of Object.keys(fields)) if (key.toLowerCase() === name) delete fields[key];
      return fields;
    };
  const POLICY_CHANGES: Record<string, (policy: { expiration: string; conditions: unknown[] }) => unknown> = {
    'a later end': (policy) => ({ ...policy, expiration: '2999-01-01T00:00:00Z' }),
    'no conditions': (policy) => ({ ...policy, conditions: [] }),
    'a prefix for a key': (policy) => ({ ...policy, conditions: [...policy.conditions, ['starts-with', '$key', '']] }),
    'any size': (policy) => ({ ...policy, conditions: [...policy.conditions, ['content-length-range', 0, 1e12]] }),
    nothing: () => ({}),
    'a list': (policy) => [policy],
  };
  const CHANGES: Record<string, Change> = {
    "alice's key": (fields) => ({ ...fields, key: alices }),
    'a key below': (fields) => ({ ...fields, key: `${fields.key}/x` }),
    'a key with the name of the file': (fields) => ({ ...fields, key: '$' + '{filename}' }),
    'two keys': (fields) => [...Object.entries(fields), ['key', alices]],
    'a key in capitals as well': (fields) => ({ ...fields, KEY: alices }),
    'another type': (fields) => ({ ...fields, 'Content-Type': 'text/html' }),
    'two types': (fields) => [...Object.entries(fields), ['Content-Type', 'text/html']],
    'a public object': (fields) => ({ ...fields, acl: 'public-read' }),
    'a header for one': (fields) => ({ ...fields, 'x-amz-acl': 'public-read' }),
    'a redirect': (fields) => ({ ...fields, success_action_redirect: 'https://evil.example' }),
    'another storage class': (fields) => ({ ...fields, 'x-amz-storage-class': 'GLACIER' }),
    'a redirect of the website': (fields) => ({ ...fields, 'x-amz-website-redirect-location': 'https://evil.example' }),
    'a tag': (fields) => ({ ...fields, tagging: '<Tagging/>' }),
    'more metadata': (fields) => ({ ...fields, 'x-amz-meta-signpost-id': 'x' }),
    'other metadata': (fields) =>
      Object.fromEntries(
        Object.entries(fields).map(([name, value]) => [name, name.startsWith('x-amz-meta-') ? `${value}x` : value]),
      ),
    'an unknown header': (fields) => ({ ...fields, 'x-amz-copy-source': `/${alices}` }),
    'another credential': (fields) => ({ ...fields, 'x-amz-credential': 'AKIA/20260101/us-east-1/s3/aws4_request' }),
    'another date': (fields) => ({ ...fields, 'x-amz-date': '29990101T000000Z' }),
    'another algorithm': (fields) => ({ ...fields, 'x-amz-algorithm': 'AWS4-HMAC-SHA1' }),
    'a signature of zeros': (fields) => ({ ...fields, 'x-amz-signature': '0'.repeat(64) }),
    'an empty signature': (fields) => ({ ...fields, 'x-amz-signature': '' }),
    'no policy': without('policy'),
    'no signature': without('x-amz-signature'),
    'no key': without('key'),
    'no type': without('content-type'),
    'no credential': without('x-amz-credential'),
    'a policy that is no base64': (fields) => ({ ...fields, policy: '{}' }),
    ...Object.fromEntries(
      Object.entries(POLICY_CHANGES).map(([name, change]): [string, Change] => [
        `a policy with ${name}`,
        (fields) => {
          const field = Object.keys(fields).find((each) => each.toLowerCase() === 'policy') ?? '';
          return { ...fields, [field]: encode(change(decode(fields[field] ?? ''))) };
        },
      ]),
    ),
  };

  it.each(Object.keys(CHANGES))('is refused with %s', async (name) => {
    const form = await presignForm();
    const changed = CHANGES[name]?.(form.fields) ?? {};
    const status = await submit(form, Array.isArray(changed) ? changed : Object.entries(changed));
    expect(isRefused(status), String(status)).toBe(true);
    expect((await service.bucket.read(alices))?.toString()).toBe('secret');
  });

  it("never reaches alice's file with her key in front of its own", async () => {
    const form = await presignForm();
    // Ceph takes the last of two fields, others refuse both.
    await submit(form, [['key', alices], ...Object.entries(form.fields)]);
    expect((await service.bucket.read(alices))?.toString()).toBe('secret');
  });

  it.each([
    ['no bytes', ''],
    ['a byte less', 'hell'],
    ['a byte more', 'hello!'],
    ['ten times the bytes', 'hello'.repeat(10)],
  ])('is refused with %s', async (_, content) => {
    const form = await presignForm();
    expect(isRefused(await submit(form, Object.entries(form.fields), content))).toBe(true);
  });

  it("is refused with another form's policy and signature", async () => {
    const [one, other] = [await presignForm(), await presignForm()];
    const swap = (name: string) => ({ ...one.fields, [name]: other.fields[name] ?? '' });
    for (const name of Object.keys(one.fields).filter((name) => one.fields[name] !== other.fields[name])) {
      const status = await submit(one, Object.entries(swap(name)));
      expect(isRefused(status), `${name}: ${status}`).toBe(true);
    }
  });
});

describe('a URL for one PUT, changed by its recipient', () => {
  type Change = {
    path?: (path: string) => string;
    url?: (url: URL) => void;
    headers?: Record<string, string>;
    method?: string;
    body?: string | null;
  };
  const send = async (
    upload: Upload,
    { path = (same) => same, url = () => {}, headers = {}, method = 'PUT', body = 'hello' }: Change,
  ) => {
    const changed = new URL(upload.presignedUrl);
    changed.pathname = path(changed.pathname);
    url(changed);
    const sent = { ...upload.headers, ...headers };
    return (await fetch(changed, { method, headers: sent, ...(body !== null && { body }) })).status;
  };
  const CHANGES: Record<string, Change> = {
    "alice's key": { path: () => `/${service.bucket.name}/${alices}` },
    'a key below': { path: (path) => `${path}/x` },
    'another bucket': { path: (path) => path.replace('/test-', '/other-') },
    'a later end': { url: (url) => url.searchParams.set('X-Amz-Expires', '604800') },
    'another date': { url: (url) => url.searchParams.set('X-Amz-Date', '29990101T000000Z') },
    'fewer signed headers': { url: (url) => url.searchParams.set('X-Amz-SignedHeaders', 'host') },
    'no signature': { url: (url) => url.searchParams.delete('X-Amz-Signature') },
    'two signatures': { url: (url) => url.searchParams.append('X-Amz-Signature', '0'.repeat(64)) },
    'another credential': {
      url: (url) => url.searchParams.set('X-Amz-Credential', 'x/20260101/us-east-1/s3/aws4_request'),
    },
    'the ACL': { url: (url) => url.searchParams.set('acl', '') },
    'the tags': { url: (url) => url.searchParams.set('tagging', '') },
    'a part': { url: (url) => url.searchParams.set('partNumber', '1') },
    'another answer': { url: (url) => url.searchParams.set('response-content-type', 'text/html') },
    'a type of its own': { headers: { 'content-type': 'text/html' } },
    'no condition': { headers: { 'if-none-match': '' } },
    'other metadata': { headers: { 'x-amz-meta-signpost-name': 'x' } },
    'a public ACL': { headers: { 'x-amz-acl': 'public-read' } },
    'a source to copy': { headers: { 'x-amz-copy-source': `/bucket/${'x'}` } },
    'a storage class': { headers: { 'x-amz-storage-class': 'GLACIER' } },
    'a byte less': { body: 'hell' },
    'a byte more': { body: 'hello!' },
    GET: { method: 'GET', body: null },
    HEAD: { method: 'HEAD', body: null },
    DELETE: { method: 'DELETE', body: null },
    POST: { method: 'POST' },
  };

  it.each(Object.keys(CHANGES))('is refused with %s', async (name) => {
    const upload = await service.presign('mallory', TEXT);
    const status = await send(upload, CHANGES[name] ?? {});
    expect(isRefused(status), String(status)).toBe(true);
    expect((await service.bucket.read(alices))?.toString()).toBe('secret');
    expect((await service.confirm('mallory', upload.objectKey)).status).toBe(404);
  });

  it('is refused a second time', async () => {
    const upload = await service.presign('mallory', TEXT);
    expect(await send(upload, {})).toBe(200);
    expect(await send(upload, { body: 'other' })).toBe(412);
  });
});

describe('the plan of an upload in parts, changed by its recipient', () => {
  const begin = async () =>
    (await service.call<Parts>('mallory', '/presign-upload', { ...TEXT, size: 11 * 2 ** 20, method: 'MULTIPART' }))
      .body;

  it.each([
    ['cut short', (id: string) => id.slice(0, -1)],
    ['longer', (id: string) => `${id}A`],
    ['one character changed', (id: string) => id.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))],
    ['its end changed', (id: string) => id.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))],
    ['in capitals', (id: string) => id.toUpperCase()],
    ["the bucket's own id alone", (id: string) => id.split('.')[0] ?? ''],
    ['nothing', () => 'x'],
    ['a path', () => '../../x'],
    ['JSON', () => '{"size":1}'],
  ])('is refused when it is %s', async (_, change) => {
    const { objectKey, uploadId } = await begin();
    const other = change(uploadId);
    expect(other).not.toBe(uploadId);
    for (const [path, body] of [
      ['/presign-parts', { objectKey, uploadId: other, partNumbers: [1] }],
      ['/list-parts', { objectKey, uploadId: other }],
      ['/confirm-upload', { objectKey, uploadId: other }],
    ] as const) {
      const { status } = await service.call('mallory', path, body);
      expect([400, 404], path).toContain(status);
    }
  });

  it("is useless with another upload's key, and for another user", async () => {
    const [one, other] = [await begin(), await begin()];
    const crossed = { objectKey: one.objectKey, uploadId: other.uploadId, partNumbers: [1] };
    expect([400, 404]).toContain((await service.call('mallory', '/presign-parts', crossed)).status);
    const { objectKey, uploadId } = one;
    const stolen = await service.call('eve', '/presign-parts', { objectKey, uploadId, partNumbers: [1] });
    expect(stolen.status).toBe(403);
  });

  it.each([0, -1, 1.5, 3, 10_001, '1', null])('signs no part %j that it does not have', async (partNumber) => {
    const { objectKey, uploadId } = await begin();
    const { status } = await service.call('mallory', '/presign-parts', {
      objectKey,
      uploadId,
      partNumbers: [partNumber],
    });
    expect(status).toBe(400);
  });
});

describe('a content type that hides another one', () => {
  it.each([
    'text/plain, text/html',
    'text/plain;x=y, text/html',
    'text/plain;x="y", text/html',
    'text/plain;x="y\\", text/html',
    "text/plain;x='y', text/html",
    'text/plain;charset=utf-7',
    'text/plain;charset="utf-8, text/html"',
    'text/plain\r\nx-amz-acl: public-read',
    'text/plain;x=\u0000text/html',
    'text/plain\ttext/html',
    'text/plain;text/html',
    'text/plain;;;=;x',
    'text/plain;x=y;x=text/html',
    '\u0442ext/html',
    'text/html;',
    '/',
    '*/*',
    'text/*',
  ])('is refused or reduced to the first: %j', async (contentType) => {
    const { status, body } = await service.call<Upload>('mallory', '/presign-upload', { ...TEXT, contentType });
    if (status !== 200) {
      expect(status).toBe(400);
      return;
    }
    const signed = Object.entries(body.headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? '';
    // As a browser reads it (Fetch standard, "extract a MIME type"): commas outside quotes begin another type.
    const types = signed.replace(/"(?:[^"\\]|\\.)*"/g, 'quoted').split(',');
    expect(types).toHaveLength(1);
    expect(signed.split(';')[0]).toBe(contentType.split(/[;,]/)[0]?.trim());
    expect(signed).toMatch(/^[\x20-\x7e]+$/);
  });
});

describe('a form with any change of any field', () => {
  it('stores nothing', async () => {
    const form = await presignForm();
    // The URL names the bucket, and not the field.
    const field = fc.constantFrom(...Object.keys(form.fields).filter((name) => name !== 'bucket'));
    const change = field.chain((name) => changedText(form.fields[name] ?? '').map((text) => [name, text] as const));
    await fc.assert(
      fc.asyncProperty(change, async ([name, text]) => {
        // The bucket may close the connection before it has read the form.
        const status = await submit(form, Object.entries({ ...form.fields, [name]: text })).catch(() => 400);
        expect(isRefused(status)).toBe(true);
      }),
      { seed: 20261127, numRuns: 150 },
    );
    expect(await service.bucket.read(form.objectKey)).toBeNull();
    expect(await service.bucket.read(alices)).not.toBeNull();
  });
});
