import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { parseConfig } from '../../src/config/config.ts';
import { PROBLEMS } from '../../src/contract/errors.ts';
import { createApp } from '../../src/http/app.ts';
import { authOf, bearer } from '../auth/tokens.ts';
import { createSigner, signSnsMessage, TOPIC } from '../bucket-events/sign-sns-message.ts';
import { type Returned, type Sent, s3Error, startStoreInFront } from '../doctor/store-in-front.ts';
import { documented, nameOf, operations } from '../helpers/description.ts';
import { holdAnswers, problems, seen } from '../helpers/hold-answers.ts';
import { mint, startTestBucket, startTestService, type TestService, withConfig } from '../helpers/test-service.ts';
import { type Change, expectOfEach } from './expect-of-each.ts';
import {
  answerAll,
  ask,
  type Call,
  type Calls,
  callsOf,
  ENV,
  EVENTS_SECRET,
  prepare,
  replaceIn,
  TEXT,
} from './operation-calls.ts';
import { addSts, roleSessions } from './role-sessions.ts';
import { sendUnfinished } from './unfinished-bodies.ts';
import { writeExamples } from './write-examples.ts';

/** Where nothing answers. */
const NOWHERE = 'http://127.0.0.1:1';
/** A message of SNS, in place of the secret. */
const OF_SNS = { body: signSnsMessage(createSigner()), headers: { ...sns(TOPIC), authorization: null } };
const TEXT_OF_UPPY = { method: 'PUT', expiresIn: 60 };
const OTHER_ID = '0198f2b0-0000-7000-8000-000000000000';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let front: Awaited<ReturnType<typeof startStoreInFront>>;
let meddling: ((sent: Sent) => Returned | null) | null = null;
let service: TestService;
let fixture: Awaited<ReturnType<typeof prepare>>;
let calls: Calls;
beforeAll(async () => {
  bucket = await startTestBucket();
  front = await startStoreInFront(bucket.endpoint, async (sent, passOn) => meddling?.(sent) ?? passOn());
  const store = { ...bucket.env, S3_ENDPOINT: front.url, S3_PUBLIC_ENDPOINT: bucket.endpoint };
  service = await startTestService({ env: { ...ENV, EVENTS_SNS_TOPICS: TOPIC, ...store } });
  addSts(service);
  fixture = await prepare(service);
  calls = callsOf(fixture, bucket.name);
});
afterEach(() => {
  meddling = null;
});
afterAll(async () => {
  await service.close();
  await front.stop();
  await bucket.close();
});

function sns(topic: string) {
  return { 'x-amz-sns-message-type': 'Notification', 'x-amz-sns-topic-arn': topic };
}

/** The service with other parts. */
function appWith(parts: Partial<Parameters<typeof createApp>[0]>) {
  return holdAnswers(createApp({ ...service.services, ...parts }));
}

const withHeaders = (call: Call, headers: Call['headers']): Call => ({
  ...call,
  headers: { ...call.headers, ...headers },
});
const fail = () => {
  throw new Error('a defect');
};

/** As `expectOfEach`, with the calls of this test if no others are given. */
function expectEach(code: string, app: TestService['app'], change?: Change, of = calls): Promise<void> {
  return expectOfEach(code, app, of, change);
}

describe('each operation', () => {
  it('has a call in this test', () => {
    expect(Object.keys(calls).sort()).toEqual(operations.map(({ id }) => id).sort());
  });

  it('has its 401 and 403', async () => {
    await expectEach('unauthenticated', service.app, (call) => withHeaders(call, { authorization: null }));
    const authorization = `Bearer ${await mint('alice', { scope: 'email' })}`;
    await expectEach('forbidden', service.app, (call, id) =>
      id === 'takeBucketEvents' ? withHeaders(OF_SNS, sns(`${TOPIC}2`)) : withHeaders(call, { authorization }),
    );
  });

  it('has its 400 for invalid input', async () => {
    await ask(service.app, 'presignUpload', { body: { ...TEXT, size: -1, folder: 'x' } });
    await expectEach('invalid-request', service.app, (call, id) =>
      id === 'takeBucketEvents' ? { ...call, body: 1 } : withHeaders(call, { 'x-on-behalf-of': '\u00ff' }),
    );
    await expectEach('unsupported-media-type', service.app, (call) =>
      withHeaders(call, { 'content-type': 'text/html' }),
    );
    await expectEach('body-too-large', service.app, (call) => withHeaders(call, { 'content-length': '9999999' }));
  });

  it('has its 429', async () => {
    const app = appWith(withConfig(service.services, 'server', { rateLimitPerMinute: 1 }));
    await ask(app, 'getUsage');
    // Bucket events have no user: below.
    await expectEach('rate-limited', app, (call, id) => (id === 'takeBucketEvents' ? null : call));
  });

  it('answers while keys cannot be fetched', async () => {
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
    const authorization = await bearer({ sub: 'alice' }, privateKey, { alg: 'ES256', kid: 'k' });
    const verifyToken = await createTokenVerifier({ ...authOf({ JWKS_URL: NOWHERE }), now: () => new Date() });
    await expectEach('keys-unavailable', appWith({ verifyToken, download: async () => fail() }), (call, id) =>
      id === 'takeBucketEvents' ? OF_SNS : withHeaders(call, { authorization }),
    );
  });

  it('answers while the application cannot', async () => {
    await expectEach('application-unavailable', appWith({ authorize: fail, onConfirmed: fail }));
    await ask(appWith({ onConfirmed: fail }), 'confirmUpload', calls.confirmUpload);
  });

  it('has its 500', async () => {
    await expectEach('internal-error', appWith({ now: fail, roleSessions }), (call, id) =>
      id === 'takeBucketEvents' ? OF_SNS : call,
    );
    expect((await ask(appWith({ newId: fail }), 'presignUpload', { body: TEXT })).status).toBe(500);
  });

  it('answers while the database does not', async () => {
    const down = await startTestService({
      env: { ...ENV, ...bucket.env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
    });
    const onBehalf = { 'x-on-behalf-of': 'alice' };
    addSts(down);
    const app = holdAnswers(createApp({ ...down.services, roleSessions }));
    await expectEach('database-unavailable', app, (call, id) =>
      id === 'takeBucketEvents' ? call : withHeaders(call, onBehalf),
    );
    for (const [id, call] of Object.entries(calls)) await ask(down.app, id, call);
    await down.close();
  });

  it('answers while the bucket does not, without credentials', async () => {
    let now = new Date();
    const ending = { AWS_SESSION_TOKEN: 'x', AWS_CREDENTIAL_EXPIRATION: new Date(Date.now() + 60_000).toISOString() };
    const cut = await startTestService({
      env: { ...ENV, ...bucket.env, ...ending, S3_ENDPOINT: NOWHERE, DATABASE_URL: service.database.url },
      now: () => now,
    });
    addSts(cut);
    now = new Date(Date.now() + 120_000);
    // Changing a file's details, and calling it clean, does not use the bucket.
    const isWithout = (id: string) => id === 'changeFile' || id === 'judgeFile';
    await expectEach('storage-unavailable', cut.app, (call, id) => (isWithout(id) ? null : call));
    await cut.close();
  });

  it('answers while it receives too many bodies', async () => {
    const [app, ofEvents] = [appWith({}), appWith({})];
    const users = await Promise.all(Array.from({ length: 8 }, (_, n) => mint(`user-${n}`)));
    const unfinished = await Promise.all([
      ...users.flatMap((token) => [
        sendUnfinished(app, '/presign-upload', { count: 64, authorization: `Bearer ${token}` }),
        sendUnfinished(app, '/presign-upload/batch', { count: 8, authorization: `Bearer ${token}` }),
      ]),
      sendUnfinished(ofEvents, '/events/s3', { count: 8, authorization: `Bearer ${EVENTS_SECRET}` }),
    ]);
    const [refused] = await Promise.all([
      ask(ofEvents, 'takeBucketEvents', calls.takeBucketEvents),
      expectEach('storage-unavailable', app, (call) => (call.body === undefined ? null : call)),
    ]);
    expect(refused.code).toBe('rate-limited');
    await Promise.all(unfinished.map(({ end }) => end()));
  });

  it('answers what the limits do not allow', async () => {
    const appWithLimits = (fields: Partial<TestService['services']['config']['limits']>) =>
      appWith(withConfig(service.services, 'limits', fields));
    const sized = { 'metadata[size]': '5' };
    await expectEach('file-too-large', appWithLimits({ maxUploadBytes: 1 }), (call, id) => {
      if (id === 'changeFile') return { ...call, body: { documentType: 'tiny' } };
      if (id === 'companionParams') return { query: { ...call.query, ...sized } };
      return id === 'companionBegin' ? { body: { filename: 'a.txt', metadata: { size: 5 } } } : call;
    });
    await expectEach('content-type-not-allowed', appWithLimits({ allowedContentTypes: ['image/*'] }), (call, id) =>
      id === 'changeFile' ? { ...call, body: { documentType: 'image' } } : call,
    );
    const own = callsOf(await prepare(service), bucket.name);
    const quota = { bytes: null, files: 0 };
    await expectEach('quota-exceeded', appWithLimits({ quota }), (call) => call, own);
  });

  it('answers for what is not there, or not the caller’s', async () => {
    const { file, held, arrived } = fixture;
    const objectKey = 'alice/_/_/not-a-key/a.txt';
    await expectEach('not-your-object', service.app, (call, id) => {
      if (id === 'presignDownload') return { body: { objectKey: 'bob/_/_/x/a.txt' } };
      return replaceIn(
        id === 'signUppyRequest' ? { body: { ...TEXT_OF_UPPY, key: arrived.objectKey } } : call,
        'alice/',
        'bob/',
      );
    });
    await expectEach('upload-not-found', service.app, (call, id) => {
      if (id === 'confirmUpload') return { body: { objectKey: arrived.objectKey, uploadId: 'x' } };
      if (id === 'signUppyRequest')
        return { body: { ...TEXT_OF_UPPY, key: arrived.objectKey, uploadId: 'x', partNumber: 1 } };
      return {
        ...call,
        ...(call.params && { params: { ...call.params, uploadId: 'x' } }),
        ...(!call.params && { body: { ...(call.body as object), uploadId: 'x' } }),
      };
    });
    await expectEach('object-not-found', service.app, (call, id) =>
      id === 'confirmUpload' ? { body: { objectKey } } : { ...call, query: { key: objectKey } },
    );
    await expectEach('file-not-found', service.app, (call) =>
      replaceIn(replaceIn(call, file.fileId, OTHER_ID), held.fileId, OTHER_ID),
    );
    const events = { secrets: [], snsTopics: [] };
    const off = withConfig(withConfig(service.services, 'server', { proxyDownloads: false }), 'events', events);
    await expectEach('route-not-found', appWith({ ...off, roleSessions: null }));
    await expectEach('range-not-satisfiable', service.app, (call) => withHeaders(call, { range: 'bytes=9-' }));
    await expectEach('stopping', appWith({ stopping: AbortSignal.abort() }));
  });

  it('answers an upload that is not what was signed for', async () => {
    const own = callsOf(await prepare(service, { type: 'image/png', text: '<p>hi' }), bucket.name);
    await expectEach('verification-failed', service.app, (call) => call, own);
  });

  it('answers what the state does not allow', async () => {
    const { app } = service;
    const [{ file, complete }, archived, changing] = [
      await prepare(service),
      await service.store('alice', 'hello'),
      await prepare(service),
    ];
    const archive = { params: { fileId: archived.fileId } };
    await ask(app, 'archiveFile', archive);
    await ask(app, 'abortUpload', { body: { objectKey: complete.objectKey } });
    const change: Calls = {
      abortUpload: { body: { objectKey: file.objectKey } },
      companionAbort: { query: { key: file.objectKey } },
      archiveFile: { params: { fileId: changing.held.fileId } },
      restoreFile: { params: { fileId: file.fileId } },
      changeFile: { body: { documentType: 'held' } },
    };
    const own = callsOf({ ...changing, file: archived, held: archived, complete }, bucket.name);
    await expectEach('conflict', app, (call, id) => (id === 'confirmUpload' ? null : { ...call, ...change[id] }), own);
    meddling = ({ method }) => (method === 'GET' ? s3Error(412, 'PreconditionFailed') : null);
    const changed = await ask(app, 'confirmUpload', own.confirmUpload);
    expect([changed.code, changed.headers.get('retry-after')]).toEqual(['conflict', '1']);
  });

  it('answers what a judge rejected', async () => {
    const { held, ...others } = await prepare(service);
    const verdict = { verdict: 'rejected', reason: 'a virus' };
    await ask(service.app, 'judgeFile', { params: { fileId: held.fileId }, body: verdict });
    const own = callsOf({ ...others, file: held, held, arrived: { ...others.arrived, ...held } }, bucket.name);
    await expectEach('file-rejected', service.app, (call) => call, own);
  });

  it('answers a link to a file whose key it cannot carry', async () => {
    const { fileId } = await service.store('alice', 'hello');
    await service.database.query("update files set sse_key_id = 'k1' where id = $1", [fileId]);
    const { sse } = parseConfig({ SSE_C_MASTER_KEYS: `k1:${btoa('k'.repeat(32))}` }).store;
    const app = appWith(withConfig(service.services, 'store', { sse }));
    await expectEach('encrypted-file', app, () => ({ params: { fileId } }));
  });

  it('answers what it was asked for', async () => {
    const own = callsOf(await prepare(service), bucket.name);
    const answered = await answerAll(appWith({ roleSessions }), own);
    expect(answered.flatMap(({ id, status }) => (id === 'confirmUpload' ? status : []))).toEqual([201, 200]);
  });
});

describe('all answers and headers of the description', () => {
  it('were seen', () => {
    expect([...documented].filter((name) => !seen.has(name))).toEqual([]);
  });

  it('have an example of each problem, which is an answer (vitest -u writes them)', async () => {
    const ids = ['presignUpload', 'confirmUpload', ...operations.map(({ id }) => id)];
    const examples = Object.entries(PROBLEMS).flatMap(([code, { status }]) => {
      const first = ids.map((id) => nameOf(id, status, code)).find((name) => problems.has(name));
      return first === undefined ? [] : [[code, problems.get(first)]];
    });
    const path = '../../src/http/openapi/problem-examples.json';
    await expect(writeExamples(Object.fromEntries(examples), bucket)).toMatchFileSnapshot(path);
  });
});
