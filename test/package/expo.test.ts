import { createReadStream, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ClientRequest, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listen } from '../helpers/listen.ts';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const TEXT = 'sent by the system\n'.repeat(20_000);

let service: TestService;
let server: ServerType;
let url: string;
let directory: string;
beforeAll(async () => {
  service = await startTestService();
  server = createAdaptorServer({ fetch: service.app.fetch });
  url = await listen(server);
  directory = await mkdtemp(join(tmpdir(), 'signpost-expo-'));
});
afterAll(async () => {
  server.close();
  await service.close();
  await rm(directory, { recursive: true });
});

type Events = { onSent: (sent: { bytesSent: number; totalBytes: number }) => void };
type Options = { httpMethod: string; headers: Record<string, string>; sessionType: string };

/** The part of a phone, which no test here has: the file system, and an upload that the system does. */
class FileSystemFile {
  readonly uri: string;
  readonly type = 'text/plain';
  constructor(uri: string) {
    this.uri = uri;
  }
  validatePath(): void {}
  get exists(): boolean {
    return statSync(new URL(this.uri), { throwIfNoEntry: false }) !== undefined;
  }
  get size(): number | null {
    return statSync(new URL(this.uri), { throwIfNoEntry: false })?.size ?? null;
  }
}
class FileSystemUploadTask {
  static readonly sessionTypes: string[] = [];
  #onSent: Events['onSent'] = () => {};
  #put: ClientRequest | undefined;
  addListener(_name: string, listener: Events['onSent']) {
    this.#onSent = listener;
    return { remove: () => {} };
  }
  cancel(): void {
    this.#put?.destroy(new Error('cancelled'));
  }
  start(url: string, file: FileSystemFile, { httpMethod, headers, sessionType }: Options) {
    FileSystemUploadTask.sessionTypes.push(sessionType);
    const totalBytes = file.size ?? 0;
    const put = request(url, { method: httpMethod, headers: { ...headers, 'content-length': totalBytes } });
    this.#put = put;
    let bytesSent = 0;
    const bytes = createReadStream(new URL(file.uri));
    bytes.on('data', (chunk) => {
      bytesSent += chunk.length;
      this.#onSent({ bytesSent, totalBytes });
    });
    bytes.pipe(put);
    return new Promise((resolve, reject) => {
      put.on('error', reject);
      put.on('response', async (response) => {
        const body = Buffer.concat(await response.toArray()).toString();
        resolve({ status: response.statusCode, headers: {}, body });
      });
    });
  }
}

function createStorage() {
  const items = new Map<string, string>();
  return {
    getItem: async (key: string) => items.get(key) ?? null,
    setItem: async (key: string, value: string) => void items.set(key, value),
  };
}

const STUBS = `
  export const Platform = { OS: 'ios' };
  export class NativeModule {}
  export class UnavailabilityError extends Error {}
  export const uuid = { v4: () => crypto.randomUUID() };
  class Unused {}
  export const requireNativeModule = () => ({
    ...globalThis.expoNative,
    FileSystemDirectory: Unused, FileSystemDownloadTask: Unused, FileSystemWatcher: Unused,
  });`;

/** Expo's own code and the installed package, as an app bundles them; only what is native is another. */
async function load() {
  const outfile = join(directory, 'app.mjs');
  await writeFile(join(directory, 'native.js'), STUBS);
  const native = join(directory, 'native.js');
  await build({
    stdin: {
      contents: "export * from 'expo-file-system'; export * from 'signpost/react-native';",
      resolveDir: at('.'),
    },
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    outfile,
    logLevel: 'error',
    alias: { 'react-native': native, 'expo-modules-core': native, expo: native },
  });
  Object.assign(globalThis, { expoNative: { FileSystemFile, FileSystemUploadTask } });
  return (await import(pathToFileURL(outfile).href)) as App;
}

/** What is used of the app. The types are checked where an app in TypeScript is. */
type App = {
  File: new (uri: string) => object;
  sendByExpo: object;
  createFileUploads: (options: object) => {
    upload: (file: object, options: object) => Promise<{ objectKey: string }> & { abort: () => Promise<void> };
    restore: () => Promise<object[]>;
  };
};

it('uploads a file by the code of expo-file-system, in the background, with progress and an end by abort', async () => {
  const { File, createFileUploads, sendByExpo } = await load();
  const path = join(directory, 'notes.txt');
  await writeFile(path, TEXT);
  const options = { url: url, token: await mint('ada'), send: sendByExpo, storage: createStorage() };
  const uploads = createFileUploads(options);
  const sent: number[] = [];
  const states: string[] = [];
  const stored = await uploads.upload(new File(pathToFileURL(path).href), {
    onProgress: ({ sentBytes }: { sentBytes: number }) => sent.push(sentBytes),
    onState: ({ status }: { status: string }) => states.push(status),
  });
  expect(stored).toMatchObject({ fileName: 'notes.txt', contentType: 'text/plain', size: TEXT.length });
  expect(String(await service.bucket.read(stored.objectKey))).toBe(TEXT);
  expect([sent.length > 1, sent.at(-1)]).toEqual([true, TEXT.length]);
  expect(states).toEqual(['preparing', 'uploading', 'confirming', 'done']);
  expect(FileSystemUploadTask.sessionTypes).toEqual(['background']);

  const upload = uploads.upload(new File(pathToFileURL(path).href), {
    onState: ({ status }: { status: string }) => status === 'uploading' && void upload.abort(),
  });
  await expect(upload).rejects.toMatchObject({ name: 'AbortError' });
  expect(await uploads.restore()).toEqual([]);
});
