import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { ListMultipartUploadsCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3';
import { serve } from '@hono/node-server';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { startTestService } from '../helpers/test-service.ts';

/** The published packages: what `@uppy/core` and `@uppy/aws-s3` are to the page. */
const GENERATIONS = {
  5: { '@uppy/core': 'uppy-5-core', '@uppy/aws-s3': 'uppy-5-aws-s3' },
  6: {},
};

export type Generation = keyof typeof GENERATIONS;

/** The service and, on another origin, an app with Uppy in a real Chromium. */
export async function startUppy(env: Record<string, string> = {}) {
  const app = createServer();
  const appUrl = await listen(app);
  const service = await startTestService({ env: { ALLOWED_ORIGINS: appUrl, AUTH_COOKIE: 'token', ...env } });
  const server = serve({ fetch: service.app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
  if (!server.listening) await once(server, 'listening');
  const { client, name: Bucket } = service.bucket;
  const rule = {
    ...{ AllowedOrigins: [appUrl], AllowedMethods: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'], AllowedHeaders: ['*'] },
    ExposeHeaders: ['ETag', 'Location'],
  };
  await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
  app.on('request', async (request, response) => {
    const [, generation] = /^\/(5|6)\.js$/.exec(request.url ?? '') ?? [];
    if (generation === undefined) {
      response.setHeader('content-type', 'text/html').end(`<script src="${request.url}.js"></script>`);
    } else response.setHeader('content-type', 'text/javascript').end(await bundle(Number(generation) as Generation));
  });
  const browser = await chromium.launch({
    executablePath: process.env.TEST_BROWSER ?? '',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });

  return {
    ...{ service, url: urlOf(server) },
    /** The app's page with this generation of Uppy; `parts` are the numbers of those that arrived, in their order. */
    openPage: async (generation: Generation) => {
      const context = await browser.newContext();
      const page = await context.newPage();
      const parts: string[] = [];
      page.on('response', (response) => {
        const partNumber = new URL(response.url()).searchParams.get('partNumber');
        const isPart = partNumber !== null && response.request().method() === 'PUT';
        if (isPart && response.status() === 200) parts.push(partNumber);
      });
      await page.goto(`${appUrl}/${generation}`);
      return { page, context, parts };
    },
    openUploads: async () => (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads?.length ?? 0,
    close: async () => {
      await browser.close();
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
    ...{ bundle: true, write: false, format: 'iife', alias: GENERATIONS[generation], logLevel: 'silent' },
  });
  return outputFiles[0]?.text ?? '';
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return urlOf(server);
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('there is no port');
  return `http://127.0.0.1:${address.port}`;
}
