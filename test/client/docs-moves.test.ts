import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSignpost as createClient, createFiles, type SignpostOptions } from '../../src/client/create-signpost.ts';
import { createSignpost, type Signpost, type File as StoredFile, settingsFrom } from '../../src/index.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { listen } from '../helpers/listen.ts';
import { mint, SECRET, startTestBucket } from '../helpers/test-service.ts';
import { runBlock } from './run-block.ts';

const SERVICE = 'https://files.example.com';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
const opened: { server: Server; signpost: Signpost }[] = [];
beforeAll(async () => {
  bucket = await startTestBucket();
  database = await createTestDatabase();
});
afterAll(async () => {
  for (const { server, signpost } of opened) {
    server.close();
    server.closeAllConnections();
    await signpost.close();
  }
  await database.drop();
  await bucket.close();
});

const settings = () => ({
  ...bucket.env,
  DATABASE_URL: database.url,
  JOBS_INTERVAL_SECONDS: '0',
  UPLOAD_ID_SECRET: SECRET,
});
/** A session as an app would find it by a cookie. */
const getSession = async (request: Request) => {
  const id = request.headers.get('x-user');
  return id === null ? null : { user: { id } };
};
const asUser =
  (id: string, url: string): typeof fetch =>
  (input, init) => {
    const target = new URL(String(input), url);
    const headers = new Headers(init?.headers);
    if (target.origin === new URL(url).origin) headers.set('x-user', id);
    return fetch(target, { ...init, headers });
  };

/** The page's server on a socket, and its own code to upload. */
async function startFrom(page: string, scope: Record<string, unknown> = {}) {
  let served: ((request: Request) => Response | Promise<Response>) | undefined;
  const serve = ({ fetch }: { fetch: typeof served }) => {
    served = fetch;
  };
  const names = { createSignpost, settingsFrom, getSession, Hono, serve, process: { env: settings() }, ...scope };
  const signpost = await runBlock<Signpost>(page, "from 'signpost'", names, 'signpost');
  const mounted = new Hono().mount('/uploads', signpost.fetch);
  const server = createAdaptorServer({ fetch: served ?? mounted.fetch }) as Server;
  opened.push({ server, signpost });
  const url = await listen(server);
  const client = (options: SignpostOptions) =>
    createClient({ ...options, url: new URL(options.url, url).href, fetch: asUser('ada', url) });
  return { signpost, url, client };
}

const image = () =>
  new File([Buffer.from('GIF89a\x01\x00\x01\x00\x00\x00\x00;', 'latin1')], 'a.gif', { type: 'image/gif' });
const text = () => new File(['hello'], 'lease.txt', { type: 'text/plain' });

describe.each([
  ['from-uploadthing', 'avatar', 4_000_000],
  ['from-better-upload', 'images', 5_000_000],
] as const)('docs/%s.md', (page, documentType, maxBytes) => {
  it('uploads with the route’s limits, for the user of the session', async () => {
    const avatars: string[][] = [];
    const { signpost, client, url } = await startFrom(page, {
      setAvatar: async (...set: string[]) => void avatars.push(set),
    });
    const result = page === 'from-uploadthing' ? '{ fileId }' : 'stored';
    const { fileId } = await runBlock<{ fileId: string }>(
      page,
      'signpost/client',
      { createSignpost: client, image: image() },
      result,
    );
    const stored = await signpost.files.find({ userId: 'ada' }, fileId);
    expect(stored).toMatchObject({ fileName: 'a.gif', documentType, contentType: 'image/gif' });
    expect(avatars).toEqual(page === 'from-uploadthing' ? [['ada', fileId]] : []);

    const another = client({ url: '/uploads' });
    await expect(another.upload(text(), { documentType })).rejects.toMatchObject({ code: 'content-type-not-allowed' });
    await expect(another.upload(image())).rejects.toMatchObject({ code: 'invalid-request' });
    const limits = await another.limits({ documentType });
    expect(limits).toMatchObject({ maxBytes, contentTypes: ['image/*'] });
    expect((await fetch(`${url}/uploads/files`)).status).toBe(401);
  });
});

describe('docs/from-uploadthing.md', () => {
  it('brings a file over from a URL', async () => {
    const signpost = createSignpost({ settings: settings(), authorize: () => null });
    try {
      const bringOver = await runBlock<(...of: string[]) => Promise<StoredFile>>(
        ...(['from-uploadthing', 'bringOver', { signpost }, 'bringOver'] as const),
      );
      const stored = await bringOver('bea', 'data:text/plain,hello', 'old.txt');
      expect(stored).toMatchObject({ fileName: 'old.txt', size: 5, contentType: 'text/plain' });
      expect(stored.objectKey).toMatch(/^bea\//);
    } finally {
      await signpost.close();
    }
  });
});

describe('docs/from-neon-guide.md', () => {
  it('has the guide’s two endpoints', async () => {
    const { signpost, url } = await startFrom('from-neon-guide');
    const scope = { file: text(), fetch: asUser('ada', url) };
    const { stored, objectKey } = await runBlock<{ stored: StoredFile; objectKey: string }>(
      ...(['from-neon-guide', '/presign-upload', scope, '{ stored, objectKey }'] as const),
    );
    expect(stored).toMatchObject({ objectKey, fileName: 'lease.txt', size: 5 });
    expect(await signpost.files.find({ userId: 'ada' }, stored.fileId)).toEqual(stored);

    const confirm = (user: string) =>
      asUser(user, url)('/confirm-upload', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ objectKey }),
      });
    expect((await confirm('ada')).status).toBe(200);
    expect((await confirm('eve')).status).toBe(403);
  });
});

describe('with a token', () => {
  const startWithTokens = async () => {
    const signpost = createSignpost({ settings: { ...settings(), JWT_SECRET: SECRET } });
    const server = createAdaptorServer({ fetch: signpost.fetch }) as Server;
    opened.push({ server, signpost });
    const url = await listen(server);
    const at = <Options extends { url: string }>(options: Options) => {
      expect(options.url).toBe(SERVICE);
      return { ...options, url };
    };
    return {
      signpost,
      scope: {
        createSignpost: (options: SignpostOptions) => createClient(at(options)),
        createFiles: (options: Parameters<typeof createFiles>[0]) => createFiles(at(options)),
        file: text(),
      },
    };
  };

  it('docs/from-supabase-storage.md uploads and signs a download', async () => {
    const { scope } = await startWithTokens();
    const session = { access_token: await mint('ada') };
    const supabase = { auth: { getSession: async () => ({ data: { session } }) } };
    const signed = await runBlock<{ presignedUrl: string; file: StoredFile }>(
      ...(['from-supabase-storage', 'signpost/client', { ...scope, supabase }, 'signed'] as const),
    );
    expect(signed.file).toMatchObject({ fileName: 'lease.txt', documentType: 'docs' });
    expect(await (await fetch(signed.presignedUrl)).text()).toBe('hello');
  });

  it('docs/from-active-storage.md leaves the file’s id in the form', async () => {
    const { signpost, scope } = await startWithTokens();
    const names = { ...scope, fetchToken: () => mint('ada'), input: { value: '' } };
    const value = await runBlock<string>('from-active-storage', 'signpost/client', names, 'input.value');
    expect(await signpost.files.find({ userId: 'ada' }, value)).toMatchObject({ documentType: 'contract' });
  });
});
