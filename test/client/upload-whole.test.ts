import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSignpost, type Progress } from '../../src/client/create-signpost.ts';
import { startRelay } from '../helpers/relay.ts';
import { mint } from '../helpers/test-service.ts';
import { cutOff, failureOf, loseAnswer, startServiceForClients, textFile } from './service-for-clients.ts';

const HOUR_MS = 3_600_000;

/** How far the service's clock is off. */
let skewMs = 0;
let relay: Awaited<ReturnType<typeof startRelay>>;
let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients({
    env: { MAX_UPLOAD_BYTES: '1000' },
    now: () => new Date(Date.now() + skewMs),
  });
  relay = await startRelay(host.url);
});
afterAll(async () => {
  await relay.goAway();
  await host.close();
});

describe('a file in one piece', () => {
  it.each(['the global', 'a given'])('uses %s fetch, which allows no other `this`', async (whose) => {
    const { fetch: real } = globalThis;
    /** As browsers have it: "Illegal invocation". */
    function strict(this: unknown, ...request: Parameters<typeof fetch>) {
      if (this !== undefined && this !== globalThis) throw new TypeError('Illegal invocation');
      return real(...request);
    }
    const options = { url: host.url, token: await mint('alice'), maxAttempts: 1, giveUpAfterMs: 0 };
    try {
      if (whose === 'the global') globalThis.fetch = strict;
      const client = createSignpost(whose === 'the global' ? options : { ...options, fetch: strict });
      expect(await client.upload(textFile('hello'))).toMatchObject({ size: 5 });
    } finally {
      globalThis.fetch = real;
    }
  });

  it.each(['README.md', 'docs/sdk.md'])('is stored by the lines in %s', async (page) => {
    const text = await readFile(new URL(`../../${page}`, import.meta.url), 'utf8');
    const [, code = ''] = /```js\nimport [^\n]*'signpost\/client';\n(.*?)```/s.exec(text) ?? [];
    const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => unknown;
    const body = `${code.replace('https://files.example.com', host.url)}\nreturn stored;`;
    const run = new AsyncFunction('createSignpost', 'session', 'file', body);
    const token = await mint('alice');
    const stored = await run(createSignpost, { token: () => token }, textFile('by the page', 'page.txt'));
    expect(stored).toMatchObject({ fileName: 'page.txt', size: 11, recordId: 'case-42', status: 'active' });
  });

  it('is stored, and returned as the service has it', async () => {
    const client = await host.client('alice');
    const progress: Progress[] = [];
    const stored = await client.upload(textFile('hello', 'Grüße.txt'), {
      recordId: 'case-1',
      documentType: 'note',
      metadata: { source: 'scanner' },
      onProgress: (each) => progress.push(each),
    });
    expect(stored).toMatchObject({ fileName: 'Grüße.txt', contentType: 'text/plain', size: 5, status: 'active' });
    expect(stored).toMatchObject({ recordId: 'case-1', documentType: 'note', metadata: { source: 'scanner' } });
    expect((await host.service.call('alice', `/files/${stored.fileId}`)).body).toEqual(stored);
    expect(String(await host.service.bucket.read(stored.objectKey))).toBe('hello');
    expect(progress.at(-1)).toEqual({ sentBytes: 5, totalBytes: 5 });
    expect(client.sent).toEqual(['POST /presign-upload', 'PUT whole', 'POST /confirm-upload']);
  });

  it('may be empty, and a blob without name or type', async () => {
    const client = await host.client('alice');
    const nameless = new Blob([]);
    // As an app passes them on.
    for (const options of [{}, { contentType: nameless.type }]) {
      const stored = await client.upload(nameless, options);
      expect(stored).toMatchObject({ fileName: 'file', contentType: 'application/octet-stream', size: 0 });
    }
    expect(
      await client.upload(new Blob(['{}']), { fileName: 'a.json', contentType: 'application/json' }),
    ).toMatchObject({ fileName: 'a.json', contentType: 'application/json', size: 2 });
  });

  it('carries its SHA-256 when asked to', async () => {
    const client = await host.client('alice');
    const { checksumSha256 } = await client.upload(textFile('hashed'), { checksum: true });
    expect(checksumSha256).toBe(createHash('sha256').update('hashed').digest('base64'));
  });

  it('is sent after the network failed, before or after the request', async () => {
    const failed = new Set<string>();
    const client = await host.client('alice', { random: () => 1 }, ({ what }, send) => {
      if (failed.has(what)) return send();
      failed.add(what);
      return what === 'PUT whole' ? loseAnswer(send) : cutOff();
    });
    const stored = await client.upload(textFile('persistent'));
    expect(stored.size).toBe(10);
    expect(await client.stored()).toEqual(['persistent']);
    expect(client.count('PUT whole')).toBe(2);
    expect(client.delaysMs).toEqual([500, 500, 500]);
  });

  it('survives an outage of the service', async () => {
    const delaysMs: number[] = [];
    await relay.goAway();
    const client = await host.client('alice', {
      url: relay.url,
      sleep: async (delayMs) => {
        if (delaysMs.push(delayMs) === 3) await relay.comeBack();
      },
    });
    expect(await client.upload(textFile('back'))).toMatchObject({ size: 4 });
    expect(delaysMs).toHaveLength(3);
  });

  it('gets a new URL when the bucket says that the old one has expired', async () => {
    const client = await host.client('alice', {}, async ({ what }, send) => {
      if (what === 'PUT whole') skewMs = 0;
      return send();
    });
    skewMs = -HOUR_MS;
    await client.upload(textFile('late'));
    expect(client.count('POST /presign-upload')).toBe(2);
    expect(await client.stored()).toEqual([null, 'late']);
  });

  it('does not repeat a final refusal of the bucket', async () => {
    const client = await host.client('alice', {}, async ({ what, url }, send) =>
      what === 'PUT whole' ? fetch(url.replace('X-Amz-Signature=', 'X-Amz-Signature=0'), { method: 'PUT' }) : send(),
    );
    const error = await failureOf(client.upload(textFile('forged')));
    expect(error).toMatchObject({ code: 'bucket-refused', status: 403, retryable: false });
    expect(error.detail).toMatch(/^the bucket answered 403 \w+/);
    expect(client.count('PUT whole')).toBe(2);
  });

  it('neither sends to an expired URL, nor sends again what has arrived under it', async () => {
    let nowMs = 0;
    const client = await host.client('alice', { now: () => nowMs }, async ({ what }, send) => {
      if (what !== 'PUT whole') return send();
      nowMs += HOUR_MS;
      return loseAnswer(send);
    });
    expect(await client.upload(textFile('once'))).toMatchObject({ size: 4 });
    expect(client.count('PUT whole')).toBe(1);
    expect(client.count('POST /presign-upload')).toBe(1);
  });

  it('does not depend on the client’s clock', async () => {
    for (const now of [() => 0, () => Date.now() + 1000 * HOUR_MS]) {
      const client = await host.client('alice', { now });
      await client.upload(textFile('timeless'));
      expect(client.count('POST /presign-upload')).toBe(1);
    }
  });

  it('repeats a refused request after the time in the refusal', async () => {
    const passing = { code: 'conflict', status: 409, detail: 'the stored object changed meanwhile; try again' };
    const client = await host.client('alice', {}, async ({ what }, send) =>
      what === 'POST /confirm-upload' && client.count(what) === 1
        ? Response.json(passing, { status: 409, headers: { 'retry-after': '1' } })
        : send(),
    );
    expect(await client.upload(textFile('changed'))).toMatchObject({ size: 7 });
    expect(client.delaysMs).toEqual([1000]);
    expect(client.count('POST /presign-upload')).toBe(1);
  });

  it('waits as long as the service asks after too many requests', async () => {
    let clockMs = Math.floor(Date.now() / 60_000) * 60_000;
    const strict = await startServiceForClients({
      env: { RATE_LIMIT_PER_MINUTE: '1' },
      now: () => new Date(clockMs),
    });
    try {
      const delaysMs: number[] = [];
      const client = await strict.client('alice', {
        sleep: async (delayMs) => {
          delaysMs.push(delayMs);
          clockMs += delayMs;
        },
      });
      await client.upload(textFile('patience'));
      expect(delaysMs).toEqual([60_000]);
    } finally {
      await strict.close();
    }
  });
});

describe('a refused upload', () => {
  it('rejects with the problem of the service', async () => {
    const client = await host.client('alice');
    const large = await failureOf(client.upload(textFile('x'.repeat(1001))));
    expect(large).toMatchObject({ name: 'SignpostError', code: 'file-too-large', status: 413, retryable: false });
    expect(large.requestId).toMatch(/./);
    expect(large.detail).toBe(large.message);
    const bad = await failureOf(client.upload(textFile('x'), { recordId: 'no/slash' }));
    expect(bad).toMatchObject({ code: 'invalid-request', status: 400 });
    expect(bad.errors).toEqual([{ path: 'recordId', message: expect.any(String) }]);
    expect(client.delaysMs).toEqual([]);
  });

  it('makes names fit, and sends the type as the service signed it', async () => {
    const client = await host.client('alice');
    const type = 'video/webm;codecs=vp8,opus';
    const upload = (name: string) => client.upload(new File(['hello'], name, { type }));
    expect(await upload('Icon\r')).toMatchObject({ fileName: 'Icon', contentType: 'video/webm; codecs="vp8,opus"' });
    expect(await upload(`${'契'.repeat(90)}.webm`)).toMatchObject({ fileName: `${'契'.repeat(83)}.webm` });
  });

  it('rejects as verification-failed when the content is not of its type', async () => {
    const client = await host.client('alice');
    const fake = new File(['<html>no picture</html>'], 'a.png', { type: 'image/png' });
    expect(await failureOf(client.upload(fake))).toMatchObject({ code: 'verification-failed', status: 422 });
    expect(await client.stored()).toEqual([null]);
  });

  it('rejects as network-error when there is no answer after all attempts', async () => {
    const client = await host.client('alice', { url: 'http://127.0.0.1:1', maxAttempts: 3 });
    expect(await failureOf(client.upload(textFile('x')))).toMatchObject({ code: 'network-error', status: 0 });
    expect(client.delaysMs).toHaveLength(2);
  });

  it('rejects as unexpected-answer when another server answers', async () => {
    const page = async () => new Response('<html>Please log in to this Wi-Fi</html>');
    const client = await host.client('alice', {}, page);
    expect(await failureOf(client.upload(textFile('x')))).toMatchObject({ code: 'unexpected-answer', status: 200 });
  });
});

describe('the token', () => {
  it('is requested from the app before every request to the service', async () => {
    let asked = 0;
    const token = async () => {
      asked += 1;
      return mint('alice');
    };
    await createSignpost({ url: `${host.url}/`, token }).upload(textFile('x'));
    expect(asked).toBe(2);
  });

  it('fails the upload if it does not verify, or the app cannot give it', async () => {
    expect(await failureOf(createSignpost({ url: host.url, token: 'forged' }).upload(textFile('x')))).toMatchObject({
      code: 'unauthenticated',
      status: 401,
    });
    const loggedOut = new Error('logged out');
    const token = () => Promise.reject(loggedOut);
    await expect(createSignpost({ url: host.url, token }).upload(textFile('x'))).rejects.toBe(loggedOut);
  });
});
