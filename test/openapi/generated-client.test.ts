import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../helpers/listen.ts';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const DOCUMENT = 'app/openapi.json';
/** Neither reports nor looks for newer versions. */
const QUIET = { REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };

/** Runs a program of this folder's packages, or Node; throws what it says if it fails. */
async function run(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const path = program === 'node' ? process.execPath : `node_modules/.bin/${program}`;
  const { PATH = '', HOME = '' } = process.env;
  const options = { cwd: HERE, env: { PATH, HOME, ...QUIET, ...env } };
  return (await promisify(execFile)(path, args, options)).stdout;
}

let service: TestService;
const server = createServer((request, response) => getRequestListener(service.app.fetch)(request, response));
beforeAll(async () => {
  service = await startTestService();
  await writeFile(`${HERE}${DOCUMENT}`, await (await service.app.request('/openapi.json')).text());
});
afterAll(async () => {
  server.close();
  await service.close();
  for (const made of [DOCUMENT, 'app/schema.d.ts', 'app/dist']) await rm(`${HERE}${made}`, { recursive: true });
});

describe('the description of the API', () => {
  it('has no fault that Redocly finds', async () => {
    await run('redocly', ['lint', DOCUMENT]);
  });

  it('gives a client in TypeScript that compiles, and uploads a file', async () => {
    await run('openapi-typescript', [DOCUMENT, '--output', 'app/schema.d.ts']);
    await run('tsc', ['--project', 'app']);
    const env = { SIGNPOST: await listen(server), TOKEN: await mint('alice') };
    const file = JSON.parse(await run('node', ['app/dist/upload.js'], env));
    expect(file).toMatchObject({ fileName: 'hello.txt', size: 5, metadata: { source: 'generated' }, status: 'active' });
    expect(await service.bucket.read(file.objectKey)).toEqual(Buffer.from('hello'));
  });
});
