import { randomBytes } from 'node:crypto';
import { PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { rekeyFiles } from '../../src/jobs/rekey-files.ts';
import { createCopier } from '../../src/storage/create-copier.ts';
import { createS3Clients } from '../../src/storage/create-s3-client.ts';
import { startTestService, type TestService } from '../helpers/test-service.ts';

type Etag = { etag: string };

const newKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const K1 = newKey('k1');
const K2 = newKey('k2');
const K3 = newKey('k3');

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { SSE_MODE: 'c', SSE_C_MASTER_KEYS: K1 } });
});
afterAll(() => service.close());

/** The same service after the master keys were changed. */
const withKeys = (keys = '', mode = 'c') => {
  const { sse } = parseConfig({ ...service.bucket.env, SSE_MODE: mode, SSE_C_MASTER_KEYS: keys }).store;
  Object.assign(service.services.config.store.sse, sse);
};
const read = async (fileId: string) => {
  const { body } = await service.call<{ presignedUrl: string; headers?: Record<string, string> }>(
    ...(['alice', '/presign-download', { fileId }] as const),
  );
  return (await fetch(body.presignedUrl, { headers: body.headers ?? {} })).text();
};
const copies = () => service.services.config.store.encryptedCopies && process.env.TEST_S3_ENDPOINT === undefined;

describe('rekeyFiles', () => {
  it('encrypts every file again with the newest master key, also those without a key, and repeats nothing', async () => {
    if (!copies()) return expectRefusal();
    withKeys(K1, 'none');
    const plain = await service.store('alice', 'plain', { metadata: { a: 'b' } });
    withKeys(K1);
    const old = await service.store('alice', 'old');
    const gone = await service.store('alice', 'gone');
    await service.call('alice', `/files/${gone.fileId}`, undefined, { method: 'DELETE' });
    withKeys(`${K2},${K1}`);
    const young = await service.store('alice', 'new');

    const counts = { listed: 3, same: 1, rekeyed: 2, unverified: 0, failed: 0 };
    expect(await rekeyFiles(service.services, { dryRun: true })).toEqual(counts);
    expect(await rekeyFiles(service.services)).toEqual(counts);
    expect(await rekeyFiles(service.services)).toEqual({ ...counts, same: 3, rekeyed: 0 });
    // The old master key is not needed any more.
    withKeys(K2);
    expect(await Promise.all([plain, old, young].map(({ fileId }) => read(fileId)))).toEqual(['plain', 'old', 'new']);
    const { body } = await service.call('alice', `/files/${plain.fileId}`);
    expect(body).toMatchObject({ fileName: 'a.txt', contentType: 'text/plain', metadata: { a: 'b' } });
    const events = await service.call<{ events: { action: string }[] }>('alice', '/audit');
    expect(events.body.events.filter(({ action }) => action === 'file.rekey')).toHaveLength(2);
    withKeys(K1);
  });

  it.each([
    ['', [K2, K1]],
    [', also if the newest master key is another one by then', [K3, K2, K1]],
  ])('continues after a crash between the copy and the row%s', async (_, keys) => {
    if (!copies()) return expectRefusal();
    withKeys(K1);
    const file = await service.store('alice', 'interrupted');
    withKeys(`${K2},${K1}`);
    const crash = () => Promise.reject(new Error('killed'));
    const killed = { ...service.services, sweepQueries: { ...service.services.sweepQueries, rebind: crash } };
    expect(await rekeyFiles(killed).catch(String)).toMatch(/killed|failed/);
    withKeys(keys.join());
    expect(await rekeyFiles(service.services)).toMatchObject({ failed: 0, unverified: 0 });
    withKeys(keys[0]);
    expect(await read(file.fileId)).toBe('interrupted');
    withKeys(`${K2},${K3},${K1}`);
    await rekeyFiles(service.services);
    withKeys(K1);
  });

  it('counts a file as failed if its object is another one, also with the newest master key', async () => {
    if (!copies()) return expectRefusal();
    withKeys(`${K2},${K1}`);
    const { fileId } = await service.store('alice', 'hello');
    const setEtag = (etag: string) =>
      service.database.query('update files set etag = $1 where id = $2', [etag, fileId]);
    const [{ etag }] = (await service.database.query('select etag from files where id = $1', [fileId])) as [Etag];
    await setEtag('"0"');
    expect(await rekeyFiles(service.services)).toMatchObject({ failed: 1 });
    await setEtag(etag);
    expect(await rekeyFiles(service.services)).toMatchObject({ failed: 0 });
    withKeys(K1);
  });

  it('leaves an object that is not what its row describes', async () => {
    if (!copies()) return expectRefusal();
    withKeys(K1);
    const file = await service.store('alice', 'verified');
    await service.bucket.write(file.objectKey, 'replaced', { ContentType: 'text/plain' });
    withKeys(`${K2},${K1}`);
    const found: string[] = [];
    const report = ({ key }: { key: string }) => found.push(key);
    expect(await rekeyFiles(service.services, { report })).toMatchObject({ unverified: 1 });
    expect(found).toEqual([file.objectKey]);
    expect((await service.bucket.read(file.objectKey))?.toString()).toBe('replaced');
    withKeys(K1);
  });

  it('gives the row the new version where the bucket keeps versions', async () => {
    if (!copies()) return expectRefusal();
    withKeys(K1);
    const { client, name: Bucket } = service.bucket;
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const file = await service.store('alice', 'versioned');
    withKeys(`${K2},${K1}`);
    await rekeyFiles(service.services);
    withKeys(K2);
    expect(await read(file.fileId)).toBe('versioned');
    withKeys(K1);
  });

  it('copies an object in parts that is too large for one request', async () => {
    if (!copies()) return expectRefusal();
    withKeys(K1);
    const mib = 1024 ** 2;
    const text = 'eleven MiB '.repeat(mib);
    const file = await service.store('alice', text, { metadata: { a: 'b' } });
    withKeys(`${K2},${K1}`);
    const { config, bucket } = service.services;
    if (config.bucket === null) throw new Error('the test has no bucket');
    const clients = createS3Clients(config.bucket);
    const sizes = { mostInOneBytes: 10 * mib, partBytes: 5 * mib };
    const copy = createCopier(clients, config.bucket.name, { store: config.store, head: bucket.head }, sizes);
    expect(await rekeyFiles({ ...service.services, bucket: { ...bucket, copy } })).toMatchObject({ failed: 0 });
    clients.destroy();
    withKeys(K2);
    expect((await read(file.fileId)) === text).toBe(true);
    expect(await bucket.head(file.objectKey)).toMatchObject({ etag: expect.stringContaining('-3"') });
    withKeys(K1);
  });

  it('needs SSE_MODE=c', async () => {
    withKeys(K1, 'none');
    await expect(rekeyFiles(service.services)).rejects.toThrow('it needs SSE_MODE=c');
    withKeys(K1);
  });
});

/** Ceph does not copy encrypted objects. */
async function expectRefusal(): Promise<void> {
  Object.assign(service.services.config.store, { encryptedCopies: false });
  await expect(rekeyFiles(service.services)).rejects.toThrow('does not copy');
}
