import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';

const WINDOW_SECONDS = 600;
const TTL_SECONDS = 60;

type Download = { presignedUrl: string; expiresAt: string };

/** Windows begin at multiples of their length; this is the start of the current one. */
const windowStart = Math.floor(Date.now() / 1000 / WINDOW_SECONDS) * WINDOW_SECONDS;
let now = new Date(windowStart * 1000);
let service: TestService;
let file: { fileId: string; objectKey: string };
beforeAll(async () => {
  service = await startTestService({
    env: { DOWNLOAD_URL_CACHE_SECONDS: String(WINDOW_SECONDS), DOWNLOAD_URL_TTL_SECONDS: String(TTL_SECONDS) },
    now: () => now,
  });
  now = new Date();
  file = await service.store('alice', 'hello');
});
afterAll(() => service.close());

/** A token that outlives the windows. */
const bearer = async () => ({ authorization: `Bearer ${await mint('alice', { exp: windowStart + 9999 })}` });

const at = async (seconds: number, request: Record<string, unknown> = {}): Promise<Download> => {
  now = new Date((windowStart + seconds) * 1000);
  const asked = { fileId: file.fileId, ...request };
  const { status, body } = await service.call<Download>('alice', '/presign-download', asked, {
    headers: await bearer(),
  });
  expect(status).toBe(200);
  return body;
};

describe('DOWNLOAD_URL_CACHE_SECONDS', () => {
  it('gives the same URL for the same request within a window, and another in the next', async () => {
    const first = await at(0);
    expect(await at(1)).toEqual(first);
    expect(await at(WINDOW_SECONDS - 0.001)).toEqual(first);
    expect((await at(0, { objectKey: file.objectKey, fileId: undefined })).presignedUrl).toBe(first.presignedUrl);
    const next = await at(WINDOW_SECONDS);
    expect(next.presignedUrl).not.toBe(first.presignedUrl);
    expect((await at(2 * WINDOW_SECONDS - 1)).presignedUrl).toBe(next.presignedUrl);
  });

  it('gives different URLs for different requests', async () => {
    const urls = [
      await at(0),
      await at(0, { disposition: 'inline' }),
      await at(0, { fileName: 'b.txt' }),
      await at(0, { expiresIn: 61 }),
    ].map(({ presignedUrl }) => presignedUrl);
    expect(new Set(urls).size).toBe(urls.length);
  });

  it('gives each URL its full lifetime, at any time in the window', async () => {
    for (const [request, ttlSeconds] of [
      [{}, TTL_SECONDS],
      [{ expiresIn: 1 }, 1],
      [{ expiresIn: 302_400 }, 302_400],
    ] as const) {
      for (const seconds of [0, WINDOW_SECONDS / 2, WINDOW_SECONDS - 1]) {
        const { presignedUrl, expiresAt } = await at(seconds, request);
        const livesSeconds = (Date.parse(expiresAt) - now.getTime()) / 1000;
        expect(livesSeconds).toBeGreaterThanOrEqual(ttlSeconds);
        expect(livesSeconds).toBeLessThanOrEqual(ttlSeconds + WINDOW_SECONDS);
        const { searchParams } = new URL(presignedUrl);
        expect(searchParams.get('X-Amz-Expires')).toBe(String(ttlSeconds + WINDOW_SECONDS));
      }
    }
  });

  it('never exceeds the seven days of a signature', async () => {
    const { presignedUrl, expiresAt } = await at(0, { expiresIn: 604_800 });
    expect(new URL(presignedUrl).searchParams.get('X-Amz-Expires')).toBe('604800');
    expect(Date.parse(expiresAt)).toBe((windowStart + 604_800) * 1000);
  });

  it('gives URLs that the bucket accepts', async () => {
    const seconds = Date.now() / 1000 - windowStart;
    const response = await fetch((await at(seconds)).presignedUrl);
    expect([response.status, await response.text()]).toEqual([200, 'hello']);
  });

  it('applies to batches and redirects', async () => {
    const { presignedUrl } = await at(1);
    const { body } = await service.call<{ downloads: Download[] }>(
      'alice',
      '/presign-download/batch',
      {
        fileIds: [file.fileId, file.fileId],
      },
      { headers: await bearer() },
    );
    expect(body.downloads.map((download) => download.presignedUrl)).toEqual([presignedUrl, presignedUrl]);
    const redirect = await service.app.request(`/files/${file.fileId}/download`, { headers: await bearer() });
    expect(redirect.headers.get('location')).toBe(presignedUrl);
  });
});
