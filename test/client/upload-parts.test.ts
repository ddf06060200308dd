import { describe, expect, it } from 'vitest';
import type { Progress } from '../../src/client/create-signpost.ts';
import { clock, HOUR_MS, holds, host, sha256 } from './parts-service.ts';
import { loseAnswer, PART, threeParts } from './service-for-clients.ts';

describe('a file in parts', () => {
  it('is one object in the bucket', async () => {
    const client = await host.client('alice');
    const file = threeParts();
    const progress: Progress[] = [];
    const stored = await client.upload(file, { onProgress: (each) => progress.push(each) });
    expect(stored).toMatchObject({ fileName: 'film.bin', size: file.size, checksumSha256: null });
    expect(await holds(stored.objectKey, file)).toBe(true);
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 1, 1]);
    expect(progress[0]).toEqual({ sentBytes: 0, totalBytes: file.size });
    expect(progress.at(-1)).toEqual({ sentBytes: file.size, totalBytes: file.size });
  });

  it('is sent part after part if none may be sent at once', async () => {
    const client = await host.client('alice', { parallelFiles: 0, parallelParts: 0 });
    expect(await client.upload(threeParts())).toMatchObject({ size: 2 * PART + 7 });
  });

  it('is hashed part by part on request, and the bucket verifies each part', async () => {
    const client = await host.client('alice');
    const file = threeParts();
    const stored = await client.upload(file, { checksum: true });
    const whole = Buffer.from(await file.arrayBuffer());
    const hashes = [0, 1, 2].map((part) => sha256(whole.subarray(part * PART, (part + 1) * PART)));
    expect(stored.checksumSha256).toBe(`${sha256(Buffer.concat(hashes)).toString('base64')}-3`);
    expect(await holds(stored.objectKey, file)).toBe(true);
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 1, 1]);
    expect(client.count('POST /presign-parts')).toBe(3);
  });

  it('fails if a hashed part changes on its way', async () => {
    const client = await host.client('alice');
    const file = threeParts();
    // A disk that gives other bytes the second time it is read.
    const slice = file.slice.bind(file);
    let reads = 0;
    file.slice = (start = 0, end) => (start === PART && ++reads === 2 ? slice(0, PART) : slice(start, end));
    await expect(client.upload(file, { checksum: true })).rejects.toMatchObject({
      code: 'bucket-refused',
      detail: 'the bucket answered 400 BadDigest',
    });
  });

  it.each([1, 2])('has at most %i of them on their way at once', async (parallelParts) => {
    let onTheirWay = 0;
    let most = 0;
    const client = await host.client('alice', { parallelParts }, async ({ what }, send) => {
      if (!what.startsWith('PUT')) return send();
      most = Math.max(most, ++onTheirWay);
      return send().finally(() => onTheirWay--);
    });
    await client.upload(threeParts());
    expect(most).toBe(parallelParts);
  });

  it('does not send a part again that has arrived, even if the answer was lost', async () => {
    const client = await host.client('alice', {}, ({ what }, send) =>
      what === 'PUT 2' && client.count(what) === 1 ? loseAnswer(send) : send(),
    );
    await client.upload(threeParts());
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 1, 1]);
    expect(client.count('POST /list-parts')).toBe(1);
    expect(client.delaysMs).toHaveLength(1);
  });

  it('sends a lost part again, with a new URL', async () => {
    const client = await host.client('alice', {}, async ({ what }, send) => {
      if (what === 'PUT 2' && client.count(what) === 1) throw new TypeError('fetch failed');
      return send();
    });
    await client.upload(threeParts());
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 2, 1]);
    expect([client.count('POST /list-parts'), client.count('POST /presign-parts')]).toEqual([1, 1]);
  });

  it('gets new URLs when the bucket says that the old ones have expired', async () => {
    const client = await host.client('alice', { parallelParts: 1 }, async ({ what }, send) => {
      if (what === 'PUT 1') clock.skewMs = 0;
      return send();
    });
    clock.skewMs = -HOUR_MS;
    expect(await client.upload(threeParts())).toMatchObject({ status: 'active' });
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([2, 1, 1]);
    expect(client.count('POST /presign-parts')).toBe(1);
  });

  it('does not send to expired URLs', async () => {
    let nowMs = 0;
    const client = await host.client('alice', { now: () => nowMs, parallelParts: 1 }, async ({ what }, send) => {
      if (what === 'PUT 1') nowMs += HOUR_MS;
      return send();
    });
    await client.upload(threeParts());
    expect(client.sent.indexOf('POST /presign-parts')).toBeLessThan(client.sent.indexOf('PUT 2'));
    expect([1, 2, 3].map((part) => client.count(`PUT ${part}`))).toEqual([1, 1, 1]);
  });

  it('is confirmed even if the page may not read the bucket’s ETags', async () => {
    const client = await host.client('alice', {}, async ({ what }, send) => {
      const response = await send();
      return what.startsWith('PUT') ? new Response(null, { status: response.status }) : response;
    });
    expect(await client.upload(threeParts())).toMatchObject({ status: 'active' });
  });
});
