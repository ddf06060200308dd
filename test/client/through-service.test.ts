import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFiles, type FilesOptions } from '../../src/client/create-signpost.ts';
import { withKeys } from '../../src/client/encryption/with-keys.ts';
import { parseConfig } from '../../src/config/config.ts';
import { expectProblem, mint, SECRET } from '../helpers/test-service.ts';
import { startServiceForClients, textFile, threeParts } from './service-for-clients.ts';

let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients({ env: { PROXY_DOWNLOADS: 'only' } });
});
afterAll(() => host.close());

const filesOf = async (user: string, options: Partial<FilesOptions> = {}) =>
  createFiles({
    url: `${host.url}/`,
    token: await mint(user),
    sleep: async () => {},
    throughService: true,
    ...options,
  });
const actsOf = (fileId: string) =>
  host.service.database
    .query(`select action from audit_events where file_id = $1 order by id`, [fileId])
    .then((rows) => rows.map(({ action }) => action));

describe('a service with PROXY_DOWNLOADS=only', () => {
  it('presigns no download, and says where the bytes are', async () => {
    const { fileId } = await (await host.client('alice')).upload(textFile('private'));
    const { call } = host.service;
    const one = await call('alice', '/presign-download', { fileId });
    expectProblem(one, 403, 'forbidden');
    expect(one.body.detail).toBe('files are downloaded through the service: GET /files/{fileId}/content');
    expectProblem(await call('alice', '/presign-download/batch', { fileIds: [fileId] }), 403, 'forbidden');
  });

  it('leads from /download to /content, where each read is in the audit log', async () => {
    const { fileId } = await (await host.client('alice')).upload(textFile('private'));
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    const link = `${host.url}/files/${fileId}/download`;
    const redirect = await fetch(`${link}?disposition=inline`, { headers, redirect: 'manual' });
    expect([redirect.status, redirect.headers.get('location')]).toEqual([302, 'content?disposition=inline']);
    const followed = await fetch(link, { headers });
    expect(followed.url).toBe(`${host.url}/files/${fileId}/content`);
    expect(followed.headers.get('content-disposition')).toMatch(/^attachment/);
    expect(await followed.text()).toBe('private');
    expect((await fetch(link, { redirect: 'manual' })).status).toBe(401);
    await expect.poll(() => actsOf(fileId)).toEqual(['upload.confirm', 'download.content', 'download.sent']);
  });

  it('does not start with a public address', () => {
    const env = { JWT_SECRET: SECRET, PROXY_DOWNLOADS: 'only', PUBLIC_BASE_URL: 'https://cdn.example.com' };
    expect(() => parseConfig(env)).toThrow('PROXY_DOWNLOADS: only contradicts PUBLIC_BASE_URL');
  });
});

describe('createFiles with throughService', () => {
  it('downloads the whole file and a range', async () => {
    const file = threeParts('private ');
    const { fileId } = await (await host.client('bob')).upload(file);
    const files = await filesOf('bob');
    const whole = Buffer.from(await (await files.download(fileId)).arrayBuffer());
    expect(whole.equals(Buffer.from(await file.arrayBuffer()))).toBe(true);
    expect(await (await files.download(fileId, { start: 8, end: 15 })).text()).toBe('private');
  });

  it('decrypts a file that its client encrypted', async () => {
    const encryption = withKeys([{ id: 'k', key: new Uint8Array(32) }]);
    const { fileId } = await (await host.client('carol', { encryption })).upload(threeParts('secret '));
    const files = await filesOf('carol', { encryption });
    expect(await (await files.download(fileId, { start: 7_000_000, end: 7_000_006 })).text()).toBe('secret');
  });

  it('fails with the service’s error code', async () => {
    const { fileId } = await (await host.client('dora')).upload(textFile('x'));
    const files = await filesOf('dora');
    await files.archive(fileId);
    await expect(files.download(fileId)).rejects.toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('archived'),
    });
    await expect((await filesOf('eve')).download(fileId)).rejects.toMatchObject({ code: 'file-not-found' });
    const fromBucket = await filesOf('dora', { throughService: false });
    await expect(fromBucket.download(fileId)).rejects.toMatchObject({ code: 'forbidden' });
  });
});
