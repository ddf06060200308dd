import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEnvFile } from '../../src/start/read-env-file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signpost-env-'));
  path = join(folder, '.env');
});
afterEach(() => rm(folder, { recursive: true }));

describe('readEnvFile', () => {
  it.each([
    ['as an editor writes it', 'PORT=3001\nS3_BUCKET_NAME="uploads" # ours\n'],
    ['with the line breaks of Windows', 'PORT=3001\r\nS3_BUCKET_NAME=uploads\r\n'],
    ['with a byte order mark, as PowerShell 5 writes it', '\ufeffPORT=3001\nS3_BUCKET_NAME=uploads\n'],
  ])('reads a file %s', async (_, text) => {
    await writeFile(path, text);
    expect(readEnvFile(path)).toEqual({ PORT: '3001', S3_BUCKET_NAME: 'uploads' });
  });

  it('has no variables without the file', () => {
    expect(readEnvFile(path)).toEqual({});
  });

  it.each([
    ['with a byte order mark', '\ufeffPORT=3001\n'],
    ['without one', 'PORT=3001\n'],
  ])('refuses UTF-16 %s, instead of starting without settings', async (_, text) => {
    await writeFile(path, text, 'utf16le');
    expect(() => readEnvFile(path)).toThrow(/\.env is not text in UTF-8$/);
  });

  it('names the reason if the file cannot be read', async () => {
    await mkdir(path);
    expect(() => readEnvFile(path)).toThrow(/\.env cannot be read \(EISDIR\)$/);
  });
});
