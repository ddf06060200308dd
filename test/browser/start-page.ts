import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, ListPartsCommand, S3Client } from '@aws-sdk/client-s3';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { setUpBucket } from '../../src/storage/set-up-bucket.ts';
import { freePort } from '../helpers/listen.ts';
import { startRelay } from '../helpers/relay.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { run } from '../live/process.ts';
import { launchChromium } from './launch-chromium.ts';

/** No name of this machine's: what a page of somebody else's is after it had its name made to point here. */
export const REBOUND_HOST = 'rebound.example';

export type PageHost = Awaited<ReturnType<typeof startPageHost>>;

/**
 * The built service, the bucket behind a relay, and a real Chromium as soon as a page is opened. The bucket is the
 * embedded one with nothing configured, or a new one on the server of `TEST_S3_ENDPOINT`.
 */
export async function startPageHost(settings: Record<string, string> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'signpost-browser-'));
  const dataDirectory = join(directory, 'data');
  const [port, bucketPort] = [await freePort(), await freePort()];
  const remote = process.env.TEST_S3_ENDPOINT === undefined ? null : await startTestBucket();
  const endpoint = remote?.endpoint ?? `http://127.0.0.1:${bucketPort}`;
  const relay = await startRelay(endpoint);
  if (remote !== null) await setUpBucket(remote.client, remote.name, ['*']);
  const service = run('node', ['dist/main.js'], {
    PORT: port,
    LOCAL_S3_PORT: bucketPort,
    DATA_DIR: dataDirectory,
    S3_PUBLIC_ENDPOINT: relay.url,
    RATE_LIMIT_PER_MINUTE: '0',
    ...remote?.env,
    ...settings,
  });
  const url = (await service.until(/open (http:\S+)/))[1] ?? '';
  const Bucket = remote?.name ?? 'signpost';
  const s3 = remote?.client ?? (await embeddedClient(endpoint, dataDirectory));
  let browser: Promise<Browser> | undefined;

  return {
    directory,
    url,
    relay,
    s3,
    Bucket,
    /** A window of its own; what its scripts complain about is in `complaints`. */
    openPage: async (options: BrowserContextOptions = {}, at = url) => {
      browser ??= launchChromium([`--host-resolver-rules=MAP ${REBOUND_HOST} 127.0.0.1`]);
      const context = await (await browser).newContext({ viewport: { width: 1280, height: 900 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        // Chromium's own lines about failed requests: those are made on purpose here.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
          complaints.push(message.text());
        }
      });
      await page.goto(at);
      return { page, context, complaints, choose: (files: string[]) => page.locator('#picker').setInputFiles(files) };
    },
    /** A token for the user, by the command. */
    mint: async (user: string): Promise<string> => {
      const minting = run('npm', ['run', '-s', 'token', '--', user], { DATA_DIR: dataDirectory });
      await minting.ended;
      return /ey\S+/.exec(minting.output())?.[0] ?? '';
    },
    openUploads: async () => {
      const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
      return Uploads.map(({ Key = '', UploadId = '' }) => ({ Key, UploadId }));
    },
    storedParts: async (upload: { Key: string; UploadId: string }) => {
      const { Parts = [] } = await s3.send(new ListPartsCommand({ Bucket, ...upload }));
      return Parts.map(({ PartNumber = 0 }) => PartNumber);
    },
    close: async () => {
      await (await browser)?.close();
      await service.stop('SIGTERM');
      await relay.goAway();
      s3.destroy();
      await remote?.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** How many unfinished uploads the browser remembers for the page. */
export function countRemembered(page: Pick<Page, 'evaluate'>): Promise<unknown> {
  return page.evaluate(REMEMBERED);
}

export const REMEMBERED = `new Promise((resolve) => {
  indexedDB.open('signpost-queue').onsuccess = ({ target: { result } }) => {
    const count = result.transaction('files').objectStore('files').count();
    count.onsuccess = () => resolve(count.result);
  };
})`;

async function embeddedClient(endpoint: string, dataDirectory: string): Promise<S3Client> {
  const { s3SecretAccessKey } = JSON.parse(await readFile(join(dataDirectory, 'secrets.json'), 'utf8'));
  const credentials = { accessKeyId: 'signpost', secretAccessKey: s3SecretAccessKey };
  return new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
}
