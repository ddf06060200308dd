import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { createSignpost, type SignpostOptions } from '../../src/index.ts';
import { setUpBucket } from '../../src/storage/set-up-bucket.ts';
import { createTestDatabase } from '../helpers/database.ts';
import { listen } from '../helpers/listen.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { launchChromium } from './launch-chromium.ts';

export type Mounted = Awaited<ReturnType<typeof startMounted>>;

/** An app on whose origin the service is mounted below `/uploads`, and a real Chromium. */
export async function startMounted(options: {
  authorize: NonNullable<SignpostOptions['authorize']>;
  maxUploadBytes: number;
  /** Adds the app's own pages. */
  addPages: (app: Hono) => void;
}) {
  const [bucket, database, browser] = await Promise.all([startTestBucket(), createTestDatabase(), launchChromium()]);
  const { authorize, maxUploadBytes } = options;
  const settings = { ...bucket.env, DATABASE_URL: database.url, JOBS_INTERVAL_SECONDS: 0 };
  const signpost = createSignpost({ settings: { ...settings, MAX_UPLOAD_BYTES: maxUploadBytes }, authorize });
  const app = new Hono().mount('/uploads', signpost.fetch);
  options.addPages(app);
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const url = await listen(server);
  await setUpBucket(bucket.client, bucket.name, [url]);
  return {
    bucket,
    signpost,
    url,
    browser,
    close: async () => {
      await browser.close();
      server.close();
      server.closeAllConnections();
      await signpost.close();
      await database.drop();
      await bucket.close();
    },
  };
}
