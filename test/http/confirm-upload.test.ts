import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { confirmUpload } from '../../src/uploads/confirm-upload.ts';
import { createConfirmedIds } from '../../src/uploads/confirmed-ids.ts';
import { expectProblem, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { PUBLIC_BASE_URL: 'https://cdn.example.com/' } });
});
afterAll(() => service.close());

const ALICE = { userId: 'alice', actorId: 'alice', isOnBehalf: false, scopes: new Set() } as unknown as Parameters<
  typeof confirmUpload
>[1];
/** As on another instance, which has not confirmed it. */
const confirmElsewhere = (objectKey: string, services = service.services) =>
  confirmUpload({ ...services, confirmed: createConfirmedIds() }, ALICE, { objectKey });

const text = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000001000000010806000000', 'hex');

describe('POST /confirm-upload', () => {
  it('answers 201 with the file, then 200 with the same', async () => {
    const upload = await service.presign('alice', {
      ...text,
      fileName: 'lease 2026.txt',
      recordId: 'case-42',
      documentType: 'contract',
      metadata: { source: 'scanner-3', note: 'Größe: 5' },
    });
    await service.put(upload, 'hello');
    const first = await service.confirm('alice', upload.objectKey);
    expect(first.status).toBe(201);
    expect(first.body).toEqual({
      fileId: upload.fileId,
      objectKey: upload.objectKey,
      fileName: 'lease 2026.txt',
      contentType: 'text/plain',
      size: 5,
      etag: '"5d41402abc4b2a76b9719d911017c592"',
      versionId: null,
      checksumSha256: null,
      recordId: 'case-42',
      documentType: 'contract',
      metadata: { source: 'scanner-3', note: 'Größe: 5' },
      status: 'active',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      detectedContentType: null,
      encryption: null,
      publicFileUrl: `https://cdn.example.com/${upload.objectKey}`,
    });
    const second = await service.confirm('alice', upload.objectKey);
    expect(second.status).toBe(200);
    expect(second.body).toEqual(first.body);
  });

  it('answers with the file if another instance confirms it while this one refuses it', async () => {
    const upload = await service.presign('alice', text);
    await service.put(upload, 'hello');
    const { files } = service.services;
    const refuse: typeof files.refuse = async (...these) => {
      await service.confirm('alice', upload.objectKey);
      return files.refuse(...these);
    };
    const strict = withConfig({ ...service.services, files: { ...files, refuse } }, 'limits', { maxUploadBytes: 1 });
    expect((await confirmElsewhere(upload.objectKey, strict)).created).toBe(false);
    expect(await service.bucket.read(upload.objectKey)).not.toBeNull();
  });

  it('makes one row for twenty simultaneous calls, with equal answers and one 201', async () => {
    const upload = await service.presign('alice', text);
    await service.put(upload, 'hello');
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.confirm('alice', upload.objectKey)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([...Array(19).fill(200), 201]);
    for (const answer of answers) expect(answer.body).toEqual(answers[0]?.body);
  });

  it.each([
    ['an empty file', { ...text, size: 0 }, ''],
    ['an empty file that claims to be an image', { ...text, fileName: 'a.png', contentType: 'image/png', size: 0 }, ''],
    ['a name of 255 bytes of emoji', { ...text, fileName: `${'😀'.repeat(63)}abc` }, 'hello'],
    ['a name that is all dots', { ...text, fileName: '...' }, 'hello'],
    ['a name with a path', { ...text, fileName: '../../etc/passwd' }, 'hello'],
    ['a name that begins with a tilde', { ...text, fileName: '~a  b~ ' }, 'hello'],
    ['a type with parameters', { ...text, contentType: 'text/plain; charset=utf-8' }, 'hello'],
    ['metadata of any script', { ...text, metadata: { a: '', b: ' x ', c: '値,;=%~"', d: '~', e: 'a  b' } }, 'hello'],
    [
      'what looks like words of RFC 2047',
      { ...text, fileName: '=?utf-8?q?=C3=BC?=.txt', metadata: { a: '=?iso-8859-1?b?/A==?=', b: 'x =?utf-8?q?a?= y' } },
      'hello',
    ],
    ['as much metadata as allowed', { ...text, fileName: 'é'.repeat(127), metadata: { a: 'x'.repeat(1024) } }, 'hello'],
  ])('gives %s back unchanged', async (_, request, content) => {
    const file = await service.store('alice', content, request);
    expect(file).toMatchObject(request);
    expect(String(await service.bucket.read(file.objectKey))).toBe(content);
  });

  it.each(['用户一', 'auth0|5f7c', '..', 'a/b', '~', 'ольга@почта.рф'])('works for the user id %s', async (user) => {
    const file = await service.store(user, 'hello');
    expect((await service.call(user, `/files/${file.fileId}`)).body).toEqual(file);
  });

  it('keeps the SHA-256 that was signed', async () => {
    const checksumSha256 = 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=';
    expect((await service.store('alice', 'hello', { checksumSha256 })).checksumSha256).toBe(checksumSha256);
  });

  it('answers 404 before the upload, and 201 after it', async () => {
    const upload = await service.presign('alice', text);
    expectProblem(await service.confirm('alice', upload.objectKey), 404, 'object-not-found');
    await service.put(upload, 'hello');
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
  });

  it('answers 422 and removes the object if the content contradicts the type', async () => {
    const html = '<!doctype html><script>alert(1)</script>';
    const upload = await service.presign('alice', { ...text, contentType: 'image/png', size: html.length });
    await service.put(upload, html);
    const answer = await service.confirm('alice', upload.objectKey);
    expectProblem(answer, 422, 'verification-failed');
    expect(answer.body.errors).toEqual([{ path: 'contentType', message: 'the content is text/html, not image/png' }]);
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
  });

  it('gives the same reasons each time, and removes later uploads', async () => {
    const upload = await service.presign('alice', { ...text, contentType: 'image/png', size: PNG.length });
    await service.put(upload, Buffer.alloc(PNG.length, '<b>'));
    const { requestId: _, ...first } = (await service.confirm('alice', upload.objectKey)).body;
    expect(first).toMatchObject({ status: 422, code: 'verification-failed', errors: [{ path: 'contentType' }] });
    const again = async () => {
      const answers = await Promise.all([1, 2, 3].map(() => service.confirm('alice', upload.objectKey)));
      for (const answer of answers) {
        expectProblem(answer, 422, 'verification-failed');
        expect(answer.body).toMatchObject(first);
        expect(answer.body.errors).toEqual(first.errors);
      }
    };
    await again();
    expect((await service.put(upload, PNG)).status).toBe(200);
    await again();
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
    // Aborting does not remove the reasons.
    expect((await service.call('alice', '/abort-upload', { objectKey: upload.objectKey })).status).toBe(204);
    await again();
    const refusals = await service.database.query(`select refusal from files where id = $1`, [upload.fileId]);
    expect(refusals).toEqual([{ refusal: { code: first.code, detail: first.detail, errors: first.errors } }]);
  });

  it('gives the same reasons to simultaneous calls', async () => {
    for (let round = 0; round < 5; round++) {
      const upload = await service.presign('alice', { ...text, contentType: 'image/png', size: PNG.length });
      await service.put(upload, Buffer.alloc(PNG.length, '<b>'));
      const answers = await Promise.all(Array.from({ length: 10 }, () => service.confirm('alice', upload.objectKey)));
      for (const answer of answers) {
        expectProblem(answer, 422, 'verification-failed');
        expect(answer.body.errors).toEqual(answers[0]?.body.errors);
      }
    }
  });

  it('serves what it verified, despite concurrent refusals and new uploads', async () => {
    for (let round = 0; round < 10; round++) {
      const upload = await service.presign('alice', { ...text, contentType: 'image/png', size: PNG.length });
      await service.put(upload, Buffer.alloc(PNG.length, '<b>'));
      const confirmations = Array.from({ length: 8 }, () => service.confirm('alice', upload.objectKey));
      while ((await service.put(upload, PNG)).status !== 200);
      confirmations.push(service.confirm('alice', upload.objectKey));
      const confirmed = (await Promise.all(confirmations)).some(({ status }) => status < 300);
      const object = await service.bucket.read(upload.objectKey);
      if (confirmed) expect(object?.equals(PNG)).toBe(true);
      else expectProblem(await service.confirm('alice', upload.objectKey), 422, 'verification-failed');
    }
  });

  it('answers 409 if the confirmed object was replaced', async () => {
    const file = await service.store('alice', 'hello');
    await service.bucket.write(file.objectKey, 'jello', { ContentType: 'text/plain' });
    expectProblem(await service.confirm('alice', file.objectKey), 409, 'conflict');
    await expect(confirmElsewhere(file.objectKey)).rejects.toMatchObject({ code: 'conflict' });
    expect(String(await service.bucket.read(file.objectKey))).toBe('jello');
  });

  it('refuses an object with an unsigned content encoding', async () => {
    const upload = await service.presign('alice', text);
    expect((await service.put(upload, 'hello', { 'content-encoding': 'gzip' })).status).toBe(200);
    const answer = await service.confirm('alice', upload.objectKey);
    expectProblem(answer, 422, 'verification-failed');
    expect(answer.body.errors).toMatchObject([{ path: 'contentEncoding' }]);
  });

  it('names each mismatch of an object that was written by other means, and removes it', async () => {
    const upload = await service.presign('alice', text);
    await service.bucket.write(upload.objectKey, 'far too long', {
      ContentType: 'text/html',
      Metadata: { 'signpost-name': 'b.txt', 'signpost-size': '5', 'signpost-type': 'text/plain' },
    });
    const answer = await service.confirm('alice', upload.objectKey);
    expectProblem(answer, 422, 'verification-failed');
    const errors = answer.body.errors as { path: string }[];
    expect(errors.map((error) => error.path)).toEqual(['fileName', 'size', 'contentType']);
    expect(await service.bucket.read(upload.objectKey)).toBeNull();
  });

  it('refuses an object without the signed metadata', async () => {
    const upload = await service.presign('alice', text);
    await service.bucket.write(upload.objectKey, 'hello', { ContentType: 'text/plain' });
    expectProblem(await service.confirm('alice', upload.objectKey), 422, 'verification-failed');
  });

  it('decides from the key alone who owns it', async () => {
    const upload = await service.presign('alice', text);
    await service.put(upload, 'hello');
    for (const user of ['alic', 'alice2', 'bob', 'Alice']) {
      expectProblem(await service.confirm(user, upload.objectKey), 403, 'not-your-object');
    }
    for (const key of ['x', '/alice/a', 'alice', `../${upload.objectKey}`, upload.objectKey.toUpperCase()]) {
      expectProblem(await service.confirm('alice', key), 403, 'not-your-object');
    }
    for (const key of ['alice/', 'alice/../bob/x', `${upload.objectKey}/`, `${upload.objectKey}?x`, 'alice/_/_/x/y']) {
      expectProblem(await service.confirm('alice', key), 404, 'object-not-found');
    }
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(201);
  });

  it('answers 409 for a file id of another object', async () => {
    const { fileId, objectKey } = await service.store('alice', 'hello');
    const forged = objectKey.replace('/_/_/', '/forged/_/');
    await service.bucket.write(forged, 'hello', {
      ContentType: 'text/plain',
      Metadata: { 'signpost-name': 'a.txt', 'signpost-size': '5', 'signpost-type': 'text/plain' },
    });
    expectProblem(await service.confirm('alice', forged), 409, 'conflict');
    expect((await service.call('alice', `/files/${fileId}`)).body.objectKey).toBe(objectKey);
  });

  const LIE = { 'signpost-name': 'b.txt', 'signpost-size': '7', 'signpost-type': 'text/html' };
  const TRUTH = { 'signpost-name': 'a.txt', 'signpost-size': '5', 'signpost-type': 'text/plain' };

  it.each([
    ['aborted before it arrives', null, true],
    ['aborted after it arrived', null, false],
    ['had refused', LIE, false],
    ['confirmed', TRUTH, false],
  ])('makes a file of an upload whose id another user %s', async (_, metadata, isBefore) => {
    const upload = await service.presign('alice', text);
    if (!isBefore) await service.put(upload, 'hello');
    for (const name of ['a.txt', 'x']) {
      const objectKey = `bob/_/_/${upload.fileId}/${name}`;
      // Possible with temporary credentials for the user's own prefix.
      if (metadata !== null) {
        await service.bucket.write(objectKey, 'hello', { ContentType: 'text/plain', Metadata: metadata });
        expect((await service.confirm('bob', objectKey)).status).toBeLessThan(500);
      }
      expect((await service.call('bob', '/abort-upload', { objectKey })).status).toBeLessThan(500);
    }
    if (isBefore) await service.put(upload, 'hello');
    const confirmed = await service.confirm('alice', upload.objectKey);
    expect([confirmed.status, confirmed.body.fileId]).toEqual([201, upload.fileId]);
    expect(String(await service.bucket.read(upload.objectKey))).toBe('hello');
    const path = `/files/${upload.fileId}`;
    await service.call('bob', path, undefined, { method: 'DELETE' });
    expect((await service.call('alice', path)).body).toEqual(confirmed.body);
    expect((await service.call('bob', path)).status).toBe(404);
  });

  it('answers 409 and removes nothing if the id was refused under another name', async () => {
    const upload = await service.presign('alice', text);
    await service.put(upload, 'hello');
    const other = `alice/_/_/${upload.fileId}/x`;
    await service.bucket.write(other, 'hello', { ContentType: 'text/plain', Metadata: LIE });
    expectProblem(await service.confirm('alice', other), 422, 'verification-failed');
    for (let n = 0; n < 2; n++) {
      expectProblem(await service.confirm('alice', upload.objectKey), 409, 'conflict');
      expect((await service.call('alice', '/abort-upload', { objectKey: upload.objectKey })).status).toBe(204);
    }
    expect(String(await service.bucket.read(upload.objectKey))).toBe('hello');
  });

  it('never removes a confirmed object, even under stricter limits', async () => {
    const file = await service.store('alice', 'hello');
    const strict = withConfig(service.services, 'limits', { maxUploadBytes: 1 });
    const again = await confirmUpload(strict, ALICE, { objectKey: file.objectKey });
    expect(again).toEqual({ file, created: false });
    expect(await confirmElsewhere(file.objectKey, strict)).toEqual({ file, created: false });
    expect(await service.bucket.read(file.objectKey)).not.toBeNull();
  });

  it.each([
    ['no key', {}, 'objectKey'],
    ['an empty key', { objectKey: '' }, 'objectKey'],
    ['a number as key', { objectKey: 7 }, 'objectKey'],
    ['a key of 1,025 bytes', { objectKey: 'x'.repeat(1025) }, 'objectKey'],
    ['an unknown field', { objectKey: 'alice/x', size: 5 }, 'size'],
  ])('refuses %s', async (_name, body, path) => {
    const answer = await service.call('alice', '/confirm-upload', body);
    expectProblem(answer, 400, 'invalid-request');
    expect(answer.body.errors).toEqual([expect.objectContaining({ path })]);
  });
});
