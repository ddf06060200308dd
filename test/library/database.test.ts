import { neon } from '@neondatabase/serverless';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSignpost, type Signpost, type SignpostOptions } from '../../src/index.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { SECRET, startTestBucket } from '../helpers/test-service.ts';
import { quiet } from './start-library.ts';

const URL_OF_NOTHING = 'postgres://user:password@127.0.0.1:1/nothing';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  bucket = await startTestBucket();
  database = await createTestDatabase({ migrated: false });
});
afterAll(async () => {
  await database.drop();
  await bucket.close();
});

const open = (options: SignpostOptions, more: SignpostOptions['settings'] = {}): Signpost =>
  createSignpost({ logger: quiet, ...options, settings: { ...bucket.env, JWT_SECRET: SECRET, ...more } });

const text = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
async function upload(signpost: Signpost, userId: string) {
  const signed = await signpost.presignUpload({ userId }, text);
  if (signed.method !== 'PUT') throw new Error('a PUT is for small files');
  await fetch(signed.presignedUrl, { method: 'PUT', headers: signed.headers, body: 'hello' });
  return signpost.confirmUpload({ userId }, { objectKey: signed.objectKey });
}

describe('the option database', () => {
  it('takes a pool of the app, migrates through it, and leaves it open', async () => {
    const pool = new pg.Pool({ connectionString: database.url });
    const signpost = open({ database: pool });
    const { fileId } = await upload(signpost, 'ada');
    await signpost.close();
    const { rows } = await pool.query('select owner_id, id from files');
    expect(rows).toEqual([{ owner_id: 'ada', id: fileId }]);
    await pool.end();
  });

  it('takes a URL, and two instances in one process share nothing but the database', async () => {
    const first = open({ database: database.url });
    const second = open({ database: database.url }, { KEY_PREFIX: 'second/', QUOTA_FILES: 1 });
    const [one, two] = await Promise.all([upload(first, 'bea'), upload(second, 'carl')]);
    expect([one.objectKey, two.objectKey]).toEqual([
      expect.stringMatching(/^bea\//),
      expect.stringMatching(/^second\/carl\//),
    ]);
    await expect(upload(second, 'carl')).rejects.toMatchObject({ code: 'quota-exceeded' });
    await second.close();
    await expect(second.files.usage({ userId: 'carl' })).rejects.toThrow('this Signpost is closed');
    expect(await first.files.usage({ userId: 'bea' })).toMatchObject({ files: 1, quotaFiles: null });
    await first.close();
  });

  const failing = (options: SignpostOptions, more?: SignpostOptions['settings']) => () => open(options, more);

  it('refuses a value that is not a pool, and a setting that it replaces', async () => {
    for (const other of [new pg.Client(), neon(URL_OF_NOTHING), {}, 5]) {
      expect(failing({ database: other as never })).toThrow(/^database must be a postgres:\/\/ URL, or a Pool of pg/);
    }
    expect(failing({ database: 'mysql://db' })).toThrow('DATABASE_URL: must be a postgres:// URL');
    expect(failing({ database: URL_OF_NOTHING }, { DATABASE_URL: URL_OF_NOTHING })).toThrow(
      'database, DATABASE_URL: give one of them',
    );
    const pool = new pg.Pool();
    expect(failing({ database: pool }, { DATABASE_URL: URL_OF_NOTHING, DATABASE_MAX_CONNECTIONS: 5 })).toThrow(
      'DATABASE_URL: has no meaning with database\nDATABASE_MAX_CONNECTIONS: has no meaning with database',
    );
    await pool.end();
  });
});
