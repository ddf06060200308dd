import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { createAdaptorServer } from '@hono/node-server';
import { build } from 'esbuild';
import type { Browser } from 'playwright-core';
import { setUpBucket } from '../../src/storage/set-up-bucket.ts';
import { listen } from '../helpers/listen.ts';
import { startTestService } from '../helpers/test-service.ts';
import { launchChromium } from './launch-chromium.ts';

/** The published packages: what `@uppy/core` and `@uppy/aws-s3` are to the page. */
const GENERATIONS = {
  5: { '@uppy/core': 'uppy-5-core', '@uppy/aws-s3': 'uppy-5-aws-s3' },
  6: {},
};

export type Generation = keyof typeof GENERATIONS;

/** The service and, on another origin, an app with Uppy; a real Chromium as soon as a page is opened. */
export async function startUppy(env: Record<string, string> = {}) {
  const pages = { 5: bundle(5), 6: bundle(6) };
  const app = createServer();
  const appUrl = await listen(app);
  const service = await startTestService({ env: { ALLOWED_ORIGINS: appUrl, AUTH_COOKIE: 'token', ...env } });
  const server = createAdaptorServer({ fetch: service.app.fetch }) as Server;
  const url = await listen(server);
  const { client, name: Bucket } = service.bucket;
  await setUpBucket(client, Bucket, [appUrl]);
  app.on('request', async (request, response) => {
    const [, generation] = /^\/(5|6)\.js$/.exec(request.url ?? '') ?? [];
    if (generation === undefined) {
      response.setHeader('content-type', 'text/html').end(`<script src="${request.url}.js"></script>`);
    } else response.setHeader('content-type', 'text/javascript').end(await pages[Number(generation) as Generation]);
  });
  let browser: Promise<Browser> | undefined;

  /** The app's page with this generation of Uppy; `parts` are the numbers of those that arrived, in their order. */
  const openPage = async (generation: Generation) => {
    browser ??= launchChromium();
    const context = await (await browser).newContext();
    const page = await context.newPage();
    const parts: string[] = [];
    page.on('response', (response) => {
      const partNumber = new URL(response.url()).searchParams.get('partNumber');
      const isPart = partNumber !== null && response.request().method() === 'PUT';
      if (isPart && response.status() === 200) parts.push(partNumber);
    });
    await page.goto(`${appUrl}/${generation}`);
    return { page, context, parts };
  };
  const opened = new Map<Generation, ReturnType<typeof openPage>>();

  return {
    service,
    url,
    openPage,
    /** Where the app's page with this generation of Uppy is. */
    urlOf: (generation: Generation) => `${appUrl}/${generation}`,
    /** The same page each time: to open one takes most of a second of a core. */
    pageOf: (generation: Generation) => {
      const page = opened.get(generation) ?? openPage(generation);
      opened.set(generation, page);
      return page;
    },
    openUploads: async () => (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length ?? 0,
    close: async () => {
      await (await browser)?.close();
      for (const each of [server, app]) {
        each.close();
        each.closeAllConnections();
      }
      await service.close();
    },
  };
}

async function bundle(generation: Generation): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('uppy-page.js', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    alias: GENERATIONS[generation],
    logLevel: 'silent',
  });
  return outputFiles[0]?.text ?? '';
}
