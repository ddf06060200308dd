import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFiles } from '../../src/client/create-signpost.ts';
import { mint } from '../helpers/test-service.ts';
import { createStorage, PART, startServiceForClients } from './service-for-clients.ts';

let running: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  const key = randomBytes(32).toString('base64');
  running = await startServiceForClients({ env: { SSE_MODE: 'c', SSE_C_MASTER_KEYS: `k1:${key}` } });
});
afterAll(() => running.close());

describe('the SDK under SSE-C', () => {
  it.each([
    ['in one piece', 1000],
    ['in parts', 2 * PART + 7],
  ])('sends a file %s, reads it back, whole and in ranges, and keeps no key in the page', async (_, size) => {
    const bytes = randomBytes(size);
    const storage = createStorage();
    const { upload } = await running.client('alice', { storage });
    const { fileId } = await upload(new Blob([bytes]), { fileName: 'a.bin' });
    const files = createFiles({ url: running.url, token: await mint('alice') });
    expect(Buffer.from(await (await files.download(fileId)).arrayBuffer()).equals(bytes)).toBe(true);
    const range = await files.download(fileId, { start: 10, end: 20 });
    expect(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(10, 20))).toBe(true);
    const { headers } = await files.downloadUrl(fileId);
    const kept = Array.from({ length: storage.length }, (_each, index) => storage.getItem(storage.key(index) ?? ''));
    for (const value of Object.values(headers ?? {})) {
      if (value.length > 10) expect(JSON.stringify(kept)).not.toContain(value);
    }
    expect(Object.keys(headers ?? {})).toHaveLength(3);
  });
});
