import { createSignpost, type Signpost, type SignpostOptions } from '../../src/index.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { SECRET, startTestBucket } from '../helpers/test-service.ts';

export const SMALL_TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };

/** What an app logs, for tests that look at the answers only. */
export const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

/** Each request says by a header who sends it. */
export const asHeader: NonNullable<SignpostOptions['authorize']> = (request) => {
  const userId = request.headers.get('x-user');
  return userId === null ? null : { userId };
};

export const request = (path: string, init: RequestInit = {}) => new Request(`http://app.test${path}`, init);

/** A JSON request for `asHeader`. */
export const json = (user: string, body: unknown) => ({
  method: 'POST',
  headers: { 'x-user': user, 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** Sends the five bytes of `SMALL_TEXT`. */
export async function put(upload: Awaited<ReturnType<Signpost['presignUpload']>>): Promise<void> {
  if (upload.method !== 'PUT') throw new Error('a PUT is for small files');
  await fetch(upload.presignedUrl, { method: 'PUT', headers: upload.headers, body: 'hello' });
}

export type TestLibrary = Awaited<ReturnType<typeof startLibrary>>;

/** A bucket and a database for the instances that a test file opens; `close` closes all. */
export async function startLibrary() {
  const bucket = await startTestBucket();
  const database = await createTestDatabase();
  const opened: Signpost[] = [];
  const settings = { ...bucket.env, DATABASE_URL: database.url, JWT_SECRET: SECRET };
  return {
    bucket,
    database,
    settings,
    open: (options: SignpostOptions = {}): Signpost => {
      const signpost = createSignpost({ logger: quiet, ...options, settings: { ...settings, ...options.settings } });
      opened.push(signpost);
      return signpost;
    },
    close: async () => {
      for (const signpost of opened) await signpost.close();
      await database.drop();
      await bucket.close();
    },
  };
}
