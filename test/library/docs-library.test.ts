import { readFile } from 'node:fs/promises';
import { Hono } from 'hono';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createSignpost,
  type FilePage,
  type PresignedUpload,
  type Signpost,
  type File as StoredFile,
  settingsFrom,
} from '../../src/index.ts';
import { runBlock } from '../client/run-block.ts';
import { json, put, quiet, request, SMALL_TEXT, startLibrary, type TestLibrary } from './start-library.ts';

let library: TestLibrary;
let signpost: Signpost;
/** The app of the page's first block, and what it was told of. */
let app: Hono;
const added: string[][] = [];
beforeAll(async () => {
  library = await startLibrary();
  const { JWT_SECRET, ...env } = library.settings;
  const scope = {
    Hono,
    createSignpost,
    settingsFrom,
    process: { env: { ...env, UPLOAD_ID_SECRET: JWT_SECRET } },
    serve: ({ port }: { port: number }) => expect(port).toBe(3000),
    getSession: async ({ headers }: Request) =>
      headers.has('x-user') ? { user: { id: headers.get('x-user') } } : null,
    addDocument: async (...of: string[]) => void added.push(of),
  };
  const block = "from 'signpost'";
  ({ signpost, app } = await runBlock<{ signpost: Signpost; app: Hono }>('library', block, scope, '{ signpost, app }'));
});
afterAll(async () => {
  await signpost.close();
  await library.close();
});

describe('docs/library.md', () => {
  it('mounts the service in an app, with its session and its step after a confirmation', async () => {
    const send = (path: string, body: object) => app.fetch(request(`/uploads${path}`, json('ada', body)));
    const upload = (await (await send('/presign-upload', SMALL_TEXT)).json()) as PresignedUpload;
    await put(upload);
    const confirmed = await send('/confirm-upload', { objectKey: upload.objectKey });
    const { fileId, fileName } = (await confirmed.json()) as StoredFile;
    expect([confirmed.status, added]).toEqual([201, [['ada', fileId, fileName]]]);
    const answers = [request('/uploads/files'), request('/uploads/files', { headers: { 'x-user': 'ada' } })];
    expect(await Promise.all(answers.map(async (each) => (await app.fetch(each)).status))).toEqual([401, 200]);
  });

  it('is mounted by the lines of the README, which docs/frameworks.md has in full', async () => {
    const { JWT_SECRET, ...env } = library.settings;
    const scope = {
      createSignpost,
      settingsFrom,
      process: { env: { ...env, UPLOAD_ID_SECRET: JWT_SECRET } },
      getSession: async () => ({ user: { id: 'eve' } }),
    };
    const mounted = await runBlock<Signpost>('../README', "from 'signpost'", scope, 'signpost');
    try {
      const root = new URL('../../', import.meta.url);
      const [readme, inFull] = await Promise.all(
        ['README.md', 'docs/frameworks.md'].map((path) => readFile(new URL(path, root), 'utf8')),
      );
      const lines = [...(readme ?? '').matchAll(/^\| (?:Hono|Express|Next\.js) \| `(.+?)`/gm)].map(
        ([, line = '']) => line,
      );
      expect(lines.filter((line) => inFull?.includes(`${line};`))).toHaveLength(3);
      const hono = new Hono().mount('/uploads', mounted.fetch);
      const answer = await hono.fetch(request('/uploads/presign-upload', json('eve', SMALL_TEXT)));
      expect(await answer.json()).toMatchObject({ objectKey: expect.stringMatching(/^eve\//) });
    } finally {
      await mounted.close();
    }
  });

  it('calls the routes as functions', async () => {
    const scope = { signpost, userId: 'bea' };
    const { file, presignedUrl, files } = await runBlock<FilePage & { file: StoredFile; presignedUrl: string }>(
      ...(['library', 'signpost.presignUpload', scope, '{ file, presignedUrl, files }'] as const),
    );
    expect(file).toMatchObject({ fileName: 'a.txt', size: 5, status: 'active' });
    expect(await (await fetch(presignedUrl)).text()).toBe('hello');
    expect(files).toEqual([]);
  });

  it('judges held files, as docs/scanning.md shows', async () => {
    const held = library.open({ settings: { HOLD_UPLOADS: true } });
    const store = async (userId: string) => {
      const upload = await held.presignUpload({ userId }, SMALL_TEXT);
      await put(upload);
      return (await held.confirmUpload({ userId }, { objectKey: upload.objectKey })).fileId;
    };
    const [clean, infected] = [await store('cleo'), await store('dora')];
    let scanned = 0;
    const scan = async (url: string) =>
      (await (await fetch(url)).text()) === 'hello' && scanned++ > 0 ? 'Eicar' : null;
    await runBlock('scanning', 'signpost.held', { signpost: held, scan }, '0');
    expect(await held.files.find({ userId: 'cleo' }, clean)).toMatchObject({ status: 'active' });
    expect(await held.files.find({ userId: 'dora' }, infected)).toMatchObject({
      status: 'rejected',
      rejection: 'Eicar',
    });
    await expect(held.held.list({ userId: 'cleo' })).rejects.toMatchObject({ code: 'forbidden' });
    const judge = { userId: 'x', scopes: ['files:judge'] as const };
    expect(await held.held.list(judge)).toEqual({ files: [], nextCursor: null });
  });

  it('gives the pool of an app back as it was', async () => {
    const pool = new pg.Pool({ connectionString: library.database.url, max: 1 });
    const { DATABASE_URL: _, ...settings } = library.settings;
    const pooled = createSignpost({ logger: quiet, settings, database: pool });
    expect(await pooled.files.list({ userId: 'ada' })).toMatchObject({ files: [{ fileName: 'a.txt' }] });
    await pooled.close();
    const { rows } = await pool.query(`select current_user = session_user as own,
      coalesce(current_setting('signpost.user_id', true), '') as "user"`);
    expect([rows, pool.totalCount, pool.idleCount]).toEqual([[{ own: true, user: '' }], 1, 1]);
    await pool.end();
  });

  it('has every option in its table', async () => {
    const [, table = ''] = (await readFile('docs/library.md', 'utf8')).split('## Options');
    const named = [...table.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name);
    const wrong = () => createSignpost({ nothing: 1 } as object);
    expect(wrong).toThrow('nothing is not an option');
    const [, options = ''] = /there are (.*)$/m.exec(String(messageOf(wrong))) ?? [];
    expect(named.slice(0, options.split(', ').length).sort()).toEqual(options.split(', ').sort());
  });
});

function messageOf(failing: () => unknown): unknown {
  try {
    return failing();
  } catch (error) {
    return error;
  }
}
