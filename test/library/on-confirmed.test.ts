import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROBLEMS } from '../../src/contract/errors.ts';
import { systemActor, toUserId } from '../../src/contract/object-key.ts';
import { type ConfirmedBy, Problem, type Signpost } from '../../src/index.ts';
import { tellConfirmed } from '../../src/uploads/tell-confirmed.ts';
import { asHeader, json, put, request, SMALL_TEXT, startLibrary, type TestLibrary } from './start-library.ts';

const EVENTS_SECRET = 'the secret of bucket events';

let library: TestLibrary;
let signpost: Signpost;
let calls: { fileId: string; by: ConfirmedBy }[];
/** How many of the next calls throw. */
let failing: number;
beforeAll(async () => {
  library = await startLibrary();
  signpost = library.open({
    authorize: asHeader,
    settings: { EVENTS_SECRET },
    onConfirmed: ({ fileId }, by) => {
      calls.push({ fileId, by });
      if (failing-- > 0) throw new Error('the app is down');
    },
  });
});
afterAll(() => library.close());
beforeEach(() => {
  calls = [];
  failing = 0;
});

/** Sends a request, and answers its status and its body. */
async function send(path: string, init: RequestInit = {}) {
  const answer = await signpost.fetch(request(path, init));
  return { status: answer.status, body: (await answer.json()) as Record<string, string> };
}

/** A way to confirm: it prepares an upload, and answers its id and the confirmation with its status. */
type Door = () => Promise<{ fileId: string; confirm: () => Promise<number> }>;

const presigned = async (more: object = {}) => signpost.presignUpload({ userId: 'ada' }, { ...SMALL_TEXT, ...more });
const confirmed = async (objectKey: string) => (await send('/confirm-upload', json('ada', { objectKey }))).status;

const route: Door = async () => {
  const upload = await presigned();
  await put(upload);
  return { fileId: upload.fileId, confirm: () => confirmed(upload.objectKey) };
};

const call: Door = async () => {
  const upload = await presigned();
  await put(upload);
  const confirm = () =>
    signpost.confirmUpload({ userId: 'ada' }, { objectKey: upload.objectKey }).then(
      () => 200,
      (error: unknown) => (error instanceof Problem ? PROBLEMS[error.code].status : 0),
    );
  return { fileId: upload.fileId, confirm };
};

const form: Door = async () => {
  const upload = await presigned({ method: 'POST' });
  if (upload.method !== 'POST') throw new Error('a form was asked for');
  const body = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) body.append(name, value);
  body.append('file', new Blob(['hello']));
  await fetch(upload.presignedUrl, { method: 'POST', body });
  return { fileId: upload.fileId, confirm: () => confirmed(upload.objectKey) };
};

const event: Door = async () => {
  const upload = await presigned();
  await put(upload);
  const place = { bucket: { name: library.bucket.name }, object: { key: upload.objectKey } };
  const Records = [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: place }];
  const headers = { authorization: `Bearer ${EVENTS_SECRET}`, 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify({ Records }) };
  const confirm = async () => (await send('/events/s3', init)).status;
  return { fileId: upload.fileId, confirm };
};

const companion: Door = async () => {
  const file = { filename: 'a.txt', type: 'text/plain', metadata: { size: '5' } };
  const { key = '', uploadId = '' } = (await send('/s3/multipart', json('ada', file))).body;
  const path = `/s3/multipart/${encodeURIComponent(uploadId)}`;
  const query = `?key=${encodeURIComponent(key)}`;
  const { url = '' } = (await send(`${path}/1${query}`, { headers: { 'x-user': 'ada' } })).body;
  const { headers } = await fetch(url, { method: 'PUT', body: 'hello' });
  const parts = [{ PartNumber: 1, ETag: headers.get('etag') }];
  const confirm = async () => (await send(`${path}/complete${query}`, json('ada', { parts }))).status;
  return { fileId: key.split('/').at(-2) ?? '', confirm };
};

describe.each<[string, Door, string | null]>([
  ['POST /confirm-upload', route, 'ada'],
  ['a call', call, 'ada'],
  ['the confirmation of a form', form, 'ada'],
  ['a bucket event', event, null],
  ['a route of Companion', companion, 'ada'],
])('onConfirmed, by %s', (_, door, userId) => {
  it('is called once with the file, and who confirmed it', async () => {
    const { fileId, confirm } = await door();
    expect(await confirm()).toBeLessThan(300);
    expect(calls).toEqual([{ fileId, by: { userId, ownerId: 'ada', requestId: expect.any(String) } }]);
  });

  it('is 503 while it throws, keeps the file, and is called again when the call is repeated', async () => {
    const { fileId, confirm } = await door();
    failing = 1;
    expect(await confirm()).toBe(503);
    expect(await signpost.files.find({ userId: 'ada' }, fileId)).toMatchObject({ status: 'active' });
    expect(await confirm()).toBe(200);
    expect(calls.map((each) => each.fileId)).toEqual([fileId, fileId]);
  });
});

describe('onConfirmed', () => {
  it('is not called for an upload that is refused', async () => {
    const { objectKey } = await presigned();
    await library.bucket.write(objectKey, 'without what was signed');
    expect(await confirmed(objectKey)).toBe(422);
    expect(calls).toEqual([]);
  });

  it('has a time limit', async () => {
    const userId = toUserId('ada');
    if (userId === null) throw new Error('this is a valid id');
    const by = { actorId: systemActor('bucket-events'), userId, requestId: 'r' };
    const { fileId, confirm } = await route();
    await confirm();
    const told = tellConfirmed(() => new Promise(() => {}), await signpost.files.find({ userId }, fileId), by, 20);
    await expect(told).rejects.toMatchObject({ code: 'application-unavailable' });
  });
});
