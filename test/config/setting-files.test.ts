import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { errorOf, PRODUCTION } from './production-settings.ts';

describe('NAME_FILE', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signpost-settings-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const file = async (text: string | Uint8Array) => {
    const path = join(folder, randomUUID());
    await writeFile(path, text);
    return path;
  };

  it('is the path of a file with the value, for any setting, without byte order mark and last line break', async () => {
    const config = parseConfig({
      ...PRODUCTION,
      DATABASE_URL: '',
      DATABASE_URL_FILE: await file('postgres://app:secret@db/signpost\n'),
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY_FILE: await file('s3cret\r\n'),
      EVENTS_SECRET_FILE: await file('\ufeff a secret with spaces '),
      PORT_FILE: await file('4000'),
    });
    expect(config.database.url).toBe('postgres://app:secret@db/signpost');
    expect(config.bucket?.credentials).toEqual({ accessKeyId: 'key', secretAccessKey: 's3cret' });
    expect(config.events).toEqual(parseConfig({ EVENTS_SECRET: ' a secret with spaces ' }).events);
    expect(config.server.port).toBe(4000);
  });

  it('names the variable and no value if the file is missing or empty, or both variables are set', async () => {
    const { JWT_SECRET: _, ...rest } = PRODUCTION;
    const secret = await file('x'.repeat(32));
    expect(errorOf({ ...rest, JWT_SECRET_FILE: join(folder, 'missing') })).toBe(
      'JWT_SECRET: the file of JWT_SECRET_FILE cannot be read (ENOENT)',
    );
    expect(errorOf({ ...rest, JWT_SECRET_FILE: folder })).toContain('JWT_SECRET_FILE cannot be read (EISDIR)');
    expect(errorOf({ ...rest, JWT_SECRET_FILE: await file('\n') })).toContain('the file of JWT_SECRET_FILE is empty');
    // Random bytes, and UTF-16 from PowerShell's >: read as UTF-8, most of it would become the same character.
    for (const bytes of [Buffer.alloc(48, 0x80), Buffer.from(`\ufeff${'x'.repeat(32)}`, 'utf16le')]) {
      const message = errorOf({ ...rest, JWT_SECRET_FILE: await file(bytes) });
      expect(message).toBe('JWT_SECRET: the file of JWT_SECRET_FILE is not text in UTF-8');
    }
    const both = errorOf({ ...PRODUCTION, JWT_SECRET_FILE: secret });
    expect(both).toBe('JWT_SECRET: is set, and so is JWT_SECRET_FILE: set only one of them');
    expect(errorOf({ PORT_FILE: await file('secret-value') })).toMatch(/^PORT: must be a whole number/);
  });
});
