import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFiles, type Progress } from '../../src/client/create-signpost.ts';
import { mint } from '../helpers/test-service.ts';
import { createStorage, failureOf, startServiceForClients, textFile } from './service-for-clients.ts';

const MIB = 1024 ** 2;

let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients({
    env: { MULTIPART_THRESHOLD_BYTES: String(100 * MIB), MULTIPART_PART_BYTES: String(8 * MIB), QUOTA_FILES: '2' },
  });
});
afterAll(() => host.close());

const fileOf = (bytes: number) => new File([new Uint8Array(bytes)], 'film.bin', { lastModified: 1 });

describe('the bytes that an interruption costs', () => {
  it('are 16 MiB: larger files go in parts, whatever the service’s threshold, two of 8 MiB at a time', async () => {
    let onTheirWay = 0;
    let most = 0;
    const client = await host.client('alice', {}, async ({ what }, send) => {
      if (!what.startsWith('PUT')) return send();
      most = Math.max(most, ++onTheirWay);
      return send().finally(() => onTheirWay--);
    });
    await client.upload(fileOf(16 * MIB));
    expect(client.sent.filter((what) => what.startsWith('PUT'))).toEqual(['PUT whole']);
    await client.upload(fileOf(33 * MIB));
    expect(client.sent.filter((what) => /^PUT \d$/.test(what)).sort()).toEqual([1, 2, 3, 4, 5].map((n) => `PUT ${n}`));
    expect(most).toBe(2);
  });

  it('are shown at a pause: the progress steps back to the parts that have arrived', async () => {
    const progress: Progress[] = [];
    let pauseNow = () => {};
    const client = await host.client('bob', { parallelParts: 1 }, async ({ what }, send) => {
      if (what !== 'PUT 2' || client.count(what) > 1) return send();
      await send();
      pauseNow();
      // The answer is lost with the pause.
      throw new TypeError('fetch failed');
    });
    const upload = client.upload(fileOf(20 * MIB), { onProgress: (each) => progress.push(each) });
    const paused = new Promise<void>((resolve) => {
      pauseNow = () => {
        upload.pause();
        resolve();
      };
    });
    await paused;
    await expect.poll(() => progress.at(-1)?.sentBytes).toBe(8 * MIB);
    expect(Math.max(...progress.map(({ sentBytes }) => sentBytes))).toBeGreaterThan(8 * MIB);
    upload.resume();
    await upload;
    expect(progress.at(-1)?.sentBytes).toBe(20 * MIB);
  });

  it('are all bytes of a file that was refused for a full quota, and is sent again when there is room', async () => {
    const storage = createStorage();
    const fill = await host.client('dave');
    const client = await host.client('dave', { storage }, async ({ what }, send) => {
      if (what === 'POST /confirm-upload' && client.count(what) === 1)
        await fill.uploadAll([textFile('one'), textFile('two')]);
      return send();
    });
    expect(await failureOf(client.upload(fileOf(17 * MIB)))).toMatchObject({ code: 'quota-exceeded' });
    expect(storage.length).toBe(0);
    const files = createFiles({ url: host.url, token: await mint('dave') });
    for await (const page of files.list()) await files.remove(page.files[0]?.fileId ?? '');
    expect(await client.upload(fileOf(17 * MIB))).toMatchObject({ size: 17 * MIB });
  });

  it('are all bytes of a file in one piece', async () => {
    const progress: Progress[] = [];
    let pauseNow = () => {};
    const client = await host.client('carol', {}, async ({ what }, send) => {
      if (what !== 'PUT whole' || client.count(what) > 1) return send();
      await send();
      pauseNow();
      throw new TypeError('fetch failed');
    });
    const upload = client.upload(fileOf(3 * MIB), { onProgress: (each) => progress.push(each) });
    pauseNow = upload.pause;
    await expect.poll(() => progress.at(-1)?.sentBytes).toBe(0);
    upload.resume();
    await upload;
    expect(progress.at(-1)?.sentBytes).toBe(3 * MIB);
  });
});
