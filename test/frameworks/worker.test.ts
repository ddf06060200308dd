import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNeonProxy } from '../helpers/neon-proxy.ts';
import { type Receiver, startReceiver } from '../helpers/webhook-receiver.ts';
import { startTestParts, type TestParts } from './start-parts.ts';
import { startWorker } from './start-worker.ts';
import { expectEveryRoute, type Send, sendTo, upload } from './upload-through.ts';

let parts: TestParts;
let proxy: Awaited<ReturnType<typeof startNeonProxy>>;
let app: Awaited<ReturnType<typeof startWorker>>;
let send: Send;
let receiver: Receiver;
beforeAll(async () => {
  parts = await startTestParts();
  proxy = await startNeonProxy();
  receiver = await startReceiver();
  // Production is the default.
  const { NODE_ENV, ...env } = parts.env;
  app = await startWorker(proxy.address, { ...env, ...receiver.env, DATABASE_DRIVER: 'neon' });
  const through = sendTo(`${app.url}/uploads`);
  send = (path, init = {}) =>
    through(path, { ...init, headers: { 'cf-connecting-ip': '203.0.113.7', ...init.headers } });
});
afterAll(async () => {
  await app?.stop();
  await proxy.stop();
  await receiver.close();
  await parts.stop();
});

describe('Signpost in a Cloudflare Worker', () => {
  it('answers every route, and sees the address of the client', async () => {
    const { fileId } = await expectEveryRoute(send);
    expect(await parts.addressesOf(fileId)).toEqual(['203.0.113.7']);
    const ready = await send('/readyz?full');
    expect([ready.status, await ready.json()]).toMatchObject([200, { bucket: 'ok', database: 'ok' }]);
  });

  it('shares nothing between requests that ends with one of them', async () => {
    const files = await Promise.all(
      Array.from({ length: 20 }, () => upload(send, new Uint8Array(5), 'application/pdf')),
    );
    const given = new AbortController();
    const abandoned = Array.from({ length: 20 }, () =>
      send('/files?limit=100', { signal: given.signal }).catch(() => {}),
    );
    given.abort();
    await Promise.all(abandoned);
    const answers = await Promise.all(files.map(({ fileId }) => send(`/files/${fileId}`)));
    expect(answers.map(({ status }) => status)).toEqual(files.map(() => 200));
    expect(app.output()).not.toMatch(/different request context|hang|terminated/);
  });

  it('renews the marker in the bucket after the answer', async () => {
    await expect.poll(async () => await parts.database.query('select word from marker_words')).not.toEqual([]);
  });

  it('says at start what cannot work there, in one error', async () => {
    const { S3_BUCKET_NAME, S3_ENDPOINT, DATABASE_URL, ...env } = parts.env;
    const wrong = { NODE_ENV: 'development', MIGRATE_ON_START: 'true', JOBS_INTERVAL_SECONDS: '60', METRICS_PORT: '9' };
    const error: unknown = await startWorker(proxy.address, { ...env, ...wrong }).catch((reason: unknown) => reason);
    const lines = ['S3_BUCKET_NAME', 'DATABASE_URL', 'MIGRATE_ON_START', 'JOBS_INTERVAL_SECONDS', 'METRICS_PORT'];
    for (const name of lines) expect(String(error)).toMatch(new RegExp(`^(.*ConfigError: )?${name}: .*Workers`, 'm'));
    const withFile = startWorker(proxy.address, { ...parts.env, JWT_SECRET_FILE: '/run/secrets/jwt' });
    await expect(withFile).rejects.toThrow('the file of JWT_SECRET_FILE cannot be read');
  });

  it('runs the jobs for a cron trigger', async () => {
    expect(await app.trigger()).toMatchObject({ outcome: 'ok' });
    const [sweep] = await parts.database.query('select finished_at from sweeps');
    expect(sweep?.finished_at).toBeInstanceOf(Date);
  });

  it('sends webhooks after the answer, and those that failed for a cron trigger', async () => {
    receiver.answer = async () => 500;
    const { fileId } = await upload(send, new Uint8Array(5), 'application/pdf');
    await expect.poll(() => receiver.of(fileId)).toEqual(['file.confirmed']);
    const failures = () => parts.database.query('select failures from webhook_messages where file_id = $1', [fileId]);
    await expect.poll(failures).toEqual([{ failures: 1 }]);
    receiver.answer = async () => 204;
    await parts.database.query('update webhook_messages set due_at = now() where delivered_at is null');
    expect(await app.trigger()).toMatchObject({ outcome: 'ok' });
    expect(receiver.of(fileId)).toEqual(['file.confirmed', 'file.confirmed']);
    expect(receiver.received.filter(({ isVerified }) => !isVerified)).toEqual([]);
    expect(app.output()).not.toMatch(/different request context|hang|terminated/);
  });
});
