import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestParts, type TestParts } from './start-parts.ts';
import { expectEveryRoute, type Send } from './upload-through.ts';

type Result = { statusCode: number; headers: Record<string, string>; body: string; isBase64Encoded: boolean };

/** What Lambda's runtime for Node.js does: imports the function, and calls a handler with one event after the other. */
const RUNTIME = `
  const handlers = await import('./apps/lambda.js');
  process.on('message', async ([name, event]) => {
    const result = await handlers[name](event, { awsRequestId: 'a', functionName: 'f' });
    process.send(result ?? null);
  });
  process.send('ready');`;

let parts: TestParts;
let call: (handler: 'handler' | 'jobs', event: object) => Promise<unknown>;
let stop = () => {};
beforeAll(async () => {
  parts = await startTestParts();
  const { PATH = '' } = process.env;
  const child = fork('-', {
    execArgv: ['--input-type=module', '--eval', RUNTIME],
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { PATH, ...parts.env, JOBS_INTERVAL_SECONDS: '0' },
  });
  stop = () => void child.kill();
  await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('apps/lambda.js cannot be imported'))),
  ]);
  call = async (handler, event) => {
    child.send([handler, event]);
    const [result] = await once(child, 'message');
    return result;
  };
});
afterAll(async () => {
  stop();
  await parts.stop();
});

/** The event of a request, as AWS documents it (Lambda Developer Guide, "Request and response payloads"). */
function toEvent(path: string, { method = 'GET', headers, body }: RequestInit): object {
  const { pathname, search } = new URL(path, 'https://abc.lambda-url.eu-central-1.on.aws');
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: `/uploads${pathname}`,
    rawQueryString: search.slice(1),
    cookies: ['session=1', 'theme=dark'],
    headers: { authorization: 'Bearer ada', ...(body != null && { 'content-type': 'application/json' }), ...headers },
    requestContext: {
      accountId: 'anonymous',
      apiId: 'abc',
      domainName: 'abc.lambda-url.eu-central-1.on.aws',
      domainPrefix: 'abc',
      http: { method, path: pathname, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'agent' },
      requestId: 'a',
      routeKey: '$default',
      stage: '$default',
      time: '27/Nov/2026:10:00:00 +0000',
      timeEpoch: 1_795_773_600_000,
    },
    ...(typeof body === 'string' && { body: Buffer.from(body).toString('base64') }),
    isBase64Encoded: body != null,
  };
}

const send: Send = async (path, init = {}) => {
  const { statusCode, headers, body, isBase64Encoded } = (await call('handler', toEvent(path, init))) as Result;
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  return new Response(bytes.length === 0 ? null : bytes, { status: statusCode, headers });
};

describe('Signpost in AWS Lambda', () => {
  it('answers every route, and sees the address of the client', async () => {
    const { fileId } = await expectEveryRoute(send);
    expect(await parts.addressesOf(fileId)).toEqual(['203.0.113.7']);
  });

  it('takes bodies as text, too', async () => {
    const event = { ...toEvent('/presign-upload', { method: 'POST', body: '' }), isBase64Encoded: false };
    const body = JSON.stringify({ fileName: 'ä.txt', contentType: 'text/plain', size: 5 });
    expect(await call('handler', { ...event, body })).toMatchObject({ statusCode: 200 });
  });

  it('runs the jobs for a schedule', async () => {
    await call('jobs', { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} });
    const [state] = await parts.database.query('select finished_at from sweeps');
    expect(state?.finished_at).toBeInstanceOf(Date);
  });
});
