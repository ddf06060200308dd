import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApp } from './start-app.ts';
import { startTestParts, type TestParts } from './start-parts.ts';
import { asJson, expectEveryRoute, sendTo } from './upload-through.ts';

let parts: TestParts;
beforeAll(async () => {
  parts = await startTestParts();
});
afterAll(() => parts.stop());

const installed = (name: string) => fileURLToPath(new URL(`node_modules/.bin/${name}`, import.meta.url));

describe.each<[string, [string, ...string[]]]>([
  ['Hono', ['node', 'apps/hono.js']],
  ['Express', ['node', 'apps/express.js']],
  ['Fastify', ['node', 'apps/fastify.js']],
  ['node:http', ['node', 'apps/http.js']],
  ['Bun', [installed('bun'), 'apps/bun.js']],
  ['Deno', [installed('deno'), 'run', '--allow-all', '--no-prompt', 'apps/deno.js']],
])('Signpost in %s', (_name, command) => {
  it('answers every route, and sees the address of the client', async () => {
    const app = await startApp(() => command, parts.env);
    try {
      const { fileId } = await expectEveryRoute(sendTo(`${app.url}/uploads`));
      expect(await parts.addressesOf(fileId)).toEqual(['127.0.0.1']);
    } finally {
      await app.stop();
    }
  });
});

const EXPRESS = `
  import express from 'express';
  import { toNodeHandler } from 'signpost/node';
  import { signpost } from './apps/signpost.js';
  const app = express();
  app.use(express.json());
  app.use('/uploads', toNodeHandler(signpost));
  app.listen(process.env.PORT);`;
const FASTIFY = `
  import Fastify from 'fastify';
  import { toNodeHandler } from 'signpost/node';
  import { signpost } from './apps/signpost.js';
  const handle = toNodeHandler(signpost);
  const app = Fastify();
  app.all('/uploads/*', (request, reply) => {
    reply.hijack();
    return handle(request.raw, reply.raw);
  });
  await app.listen({ port: Number(process.env.PORT) });`;

it.each([
  ['Express', EXPRESS],
  ['Fastify', FASTIFY],
])('says so where %s has read the body before', async (_name, program) => {
  const app = await startApp(() => [process.execPath, '--input-type=module', '--eval', program], parts.env);
  try {
    const answer = await sendTo(`${app.url}/uploads`)('/confirm-upload', asJson({ objectKey: 'a' }));
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining('The body was read before')]);
    expect((await fetch(`${app.url}/uploads/healthz`)).status).toBe(200);
  } finally {
    await app.stop();
  }
});

it('logs why it cannot be opened, where node:http alone would say nothing', async () => {
  const env = { ...parts.env, DATABASE_URL: parts.env.DATABASE_URL.replace(/\/[^/]*$/, '/missing') };
  const app = await startApp(() => ['node', 'apps/http.js'], env, { health: 500 });
  try {
    await expect.poll(app.output).toMatch(/Signpost could not answer[\s\S]*database "missing" does not exist/);
  } finally {
    await app.stop();
  }
});
