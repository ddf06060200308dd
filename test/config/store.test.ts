import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { PROVIDERS } from '../../src/config/store-traits.ts';
import { errorOf, PRODUCTION } from './production-settings.ts';

describe('the store', () => {
  const storeOf = (env: Record<string, string> = {}) => parseConfig({ ...PRODUCTION, ...env }).store;

  it.each([
    [undefined, 'aws'],
    ['https://s3.eu-central-1.amazonaws.com', 'aws'],
    ['https://bucket.vpce-1a2b3c.s3.cn-north-1.vpce.amazonaws.com.cn', 'aws'],
    ['https://0123456789abcdef.r2.cloudflarestorage.com', 'r2'],
    ['https://s3.eu-central-003.backblazeb2.com', 'b2'],
    ['https://storage.googleapis.com', 'gcs'],
    ['https://s3.eu-central-1.wasabisys.com', 'wasabi'],
    ['https://s3.backblazeb2.com.example', 'other'],
    ['https://notbackblazeb2.com', 'other'],
    ['http://127.0.0.1:9000', 'other'],
  ])('at S3_ENDPOINT %s is guessed to be %s', (endpoint, provider) => {
    expect(storeOf(endpoint === undefined ? {} : { S3_ENDPOINT: endpoint })).toMatchObject({
      provider,
      isGuessed: true,
    });
  });

  it('is the embedded one without S3_BUCKET_NAME', () => {
    expect(parseConfig({}).store).toMatchObject({ provider: 'embedded', forms: true, frozenUploads: 'post' });
  });

  it('has the traits of S3_PROVIDER, overridden by other settings', () => {
    const s3Compatible = { S3_ENDPOINT: 'https://s3.example.com' };
    const b2 = { forms: false, conditionalPut: false, frozenUploads: 'all', checksums: false };
    expect(storeOf({ ...s3Compatible, S3_PROVIDER: 'b2' })).toMatchObject({ ...b2, isGuessed: false });
    expect(storeOf({ ...s3Compatible, S3_PROVIDER: 'b2', S3_POST_POLICY: 'true' })).toMatchObject({
      ...b2,
      forms: true,
    });
    expect(storeOf({ ...s3Compatible, S3_PROVIDER: 'ceph' }).absentHeadersSigned).toBe(true);
    const own = { S3_PROVIDER: 'ceph', S3_SIGN_ABSENT_HEADERS: 'false', FREEZE_UPLOADS: 'all' };
    expect(storeOf(own)).toMatchObject({ absentHeadersSigned: false, frozenUploads: 'all', conditionalPut: true });
  });

  it('is in the table of docs/deploying.md, for every provider', () => {
    const table = readFileSync(new URL('../../docs/deploying.md', import.meta.url), 'utf8')
      .match(/^\| `.*$/gm)
      ?.join('\n');
    for (const provider of PROVIDERS) expect(table).toContain(`\`${provider}\``);
  });

  it('offers no forms, and copies nothing, where it encrypts and Ceph cannot copy that', () => {
    for (const encryption of [{ SSE_MODE: 'kms' }, { SSE_MODE: 's3' }]) {
      const on = { ...PRODUCTION, S3_PROVIDER: 'ceph', ...encryption };
      expect(parseConfig(on).store.forms).toBe(false);
      const message = `FREEZE_UPLOADS: must be post with SSE_MODE=${encryption.SSE_MODE}, since this store`;
      expect(errorOf({ ...on, FREEZE_UPLOADS: 'all' })).toContain(message);
    }
    expect(parseConfig({ ...PRODUCTION, S3_PROVIDER: 'ceph' }).store.forms).toBe(true);
  });

  it('must freeze uploads if they can be overwritten', () => {
    const message = 'FREEZE_UPLOADS: must be all, since this store (S3_PROVIDER=b2) has no If-None-Match on PUT';
    expect(errorOf({ ...PRODUCTION, S3_PROVIDER: 'b2', FREEZE_UPLOADS: 'post' })).toBe(message);
    expect(errorOf({ ...PRODUCTION, S3_PROVIDER: 'backblaze' })).toMatch(/^S3_PROVIDER: /);
  });
});
