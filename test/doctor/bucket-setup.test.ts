import { readFile } from 'node:fs/promises';
import { type CORSRule, GetBucketCorsCommand, HeadBucketCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { runBucketSetup } from '../../src/doctor/run-bucket-setup.ts';
import { withCorsRule } from '../../src/storage/with-cors-rule.ts';
import { describeLifecycleRule, withLifecycleRule } from '../../src/storage/with-lifecycle-rule.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { type Returned, type Sent, s3Error, startStoreInFront } from './store-in-front.ts';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
beforeAll(async () => {
  bucket = await startTestBucket();
});
afterAll(() => bucket.close());

const ORIGIN = 'https://app.example.com';

async function setUp(options: { apply?: boolean; versioning?: boolean; env?: Record<string, string> } = {}) {
  const { apply = false, versioning = false, env = {} } = options;
  const lines: string[] = [];
  const config = parseConfig({ NODE_ENV: 'test', ALLOWED_ORIGINS: ORIGIN, ...bucket.env, ...env });
  const code = await runBucketSetup(config, { apply, versioning, print: (line) => lines.push(line) });
  return { code, output: lines.join('\n') };
}

async function corsRules(): Promise<CORSRule[]> {
  const input = new GetBucketCorsCommand({ Bucket: bucket.name });
  return (await bucket.client.send(input).catch(() => ({ CORSRules: [] }))).CORSRules ?? [];
}

const FOREIGN = {
  ID: 'theirs',
  AllowedOrigins: ['https://other.example.com'],
  AllowedMethods: ['GET'],
  MaxAgeSeconds: 5,
};

describe('npm run bucket:setup', () => {
  it('lists the differences, changes nothing, and returns 1', async () => {
    const { code, output } = await setUp();
    expect(code).toBe(1);
    expect(output).toContain(
      `+ origins ${ORIGIN}; methods DELETE GET HEAD POST PUT; headers *; exposed Content-Range ETag Location`,
    );
    expect(output).toContain('npm run bucket:setup -- --yes');
    expect(await corsRules()).toEqual([]);
  });

  it('applies them with --yes, and finds nothing to change the next time', async () => {
    expect(await setUp({ apply: true })).toMatchObject({ code: 0, output: expect.stringContaining('cors: done') });
    expect(await corsRules()).toMatchObject([{ ID: 'signpost', AllowedOrigins: [ORIGIN] }]);
    expect(await setUp()).toMatchObject({ code: 0, output: expect.stringContaining('nothing to change') });
  });

  it('keeps other rules behind its own, and replaces its own when the origins change', async () => {
    const CORSConfiguration = { CORSRules: [FOREIGN, ...(await corsRules())] };
    await bucket.client.send(new PutBucketCorsCommand({ Bucket: bucket.name, CORSConfiguration }));
    const env = { ALLOWED_ORIGINS: 'https://new.example.com' };
    const { code, output } = await setUp({ apply: true, env });
    expect(code).toBe(0);
    expect(output).toContain(`- origins ${ORIGIN};`);
    expect(output).toContain('  origins https://other.example.com; methods GET; headers none; exposed none; for 5 s');
    expect(await corsRules()).toMatchObject([
      { ID: 'signpost', AllowedOrigins: ['https://new.example.com'] },
      { ID: 'theirs', AllowedOrigins: ['https://other.example.com'], AllowedMethods: ['GET'], MaxAgeSeconds: 5 },
    ]);
    expect((await setUp({ env })).code).toBe(0);
  });

  it('finds nothing to change if the rule was made by hand as in docs/deploying.md', async () => {
    const page = await readFile(new URL('../../docs/deploying.md', import.meta.url), 'utf8');
    const [, json = ''] = /```json\n(\[\{ "AllowedOrigins"[^`]*)```/.exec(page) ?? [];
    const CORSRules: CORSRule[] = JSON.parse(json);
    await bucket.client.send(new PutBucketCorsCommand({ Bucket: bucket.name, CORSConfiguration: { CORSRules } }));
    expect(await setUp()).toMatchObject({ output: expect.stringContaining('cors: as it should be') });
    const origins = { ALLOWED_ORIGINS: `${ORIGIN},https://other.example.com` };
    expect(await setUp({ env: origins })).toMatchObject({ output: expect.stringContaining('~ cors should be') });
  });

  it('leaves CORS alone without ALLOWED_ORIGINS, and settings that were not requested', async () => {
    const env = { ALLOWED_ORIGINS: ',', PUBLIC_BASE_URL: 'https://cdn.example.com' };
    const { output } = await setUp({ env });
    expect(output).toContain('cors: left alone, ALLOWED_ORIGINS is not set');
    expect(output).toContain('public access: left alone, PUBLIC_BASE_URL is set');
    expect(output).toContain('encryption: left alone, SSE_MODE is not set');
    expect(output).toContain('versioning: left alone');
  });

  it('creates a missing bucket with all its settings', async () => {
    const Bucket = `${bucket.name}-new`;
    const env = { S3_BUCKET_NAME: Bucket };
    const missing = await setUp({ env });
    expect(missing).toMatchObject({ code: 1, output: expect.stringContaining(`+ ${Bucket}`) });
    await expect(bucket.client.send(new HeadBucketCommand({ Bucket }))).rejects.toThrow();
    expect((await setUp({ apply: true, env })).code).toBe(0);
    expect(await setUp({ env })).toMatchObject({ code: 0, output: expect.stringContaining(`nothing to change`) });
  });

  it('throws if the credentials are refused, or there is no bucket to set up', async () => {
    await expect(setUp({ env: { AWS_SECRET_ACCESS_KEY: 'wrong' } })).rejects.toThrow('not open to these credentials');
    const config = parseConfig({});
    const options = { apply: true, versioning: false, print: () => {} };
    await expect(runBucketSetup(config, options)).rejects.toThrow('S3_BUCKET_NAME is not set');
  });
});

describe('npm run bucket:setup, on other stores', () => {
  /** The store's settings, by their query; the bucket itself is the test's. */
  const settings = new Map<string, string>();
  const written: string[] = [];
  beforeEach(() => {
    settings.clear();
    written.length = 0;
  });
  const NAMES = ['cors', 'lifecycle', 'encryption', 'publicAccessBlock', 'versioning'];

  async function setUpBehind(
    change: (setting: string, sent: Sent) => Returned | null,
    options: Parameters<typeof setUp>[0] = {},
  ) {
    const store = await startStoreInFront(bucket.endpoint, async (sent, passOn) => {
      const setting = NAMES.find((name) => sent.query.has(name));
      if (setting === undefined) return passOn();
      const changed = change(setting, sent);
      if (changed !== null) return changed;
      if (sent.method === 'PUT') {
        written.push(setting);
        settings.set(setting, sent.body.toString());
        return { status: 200, headers: {}, body: '' };
      }
      const body = settings.get(setting);
      return body === undefined ? s3Error(404, 'NoSuchConfiguration') : { status: 200, headers: {}, body };
    });
    try {
      return await setUp({ ...options, env: { S3_ENDPOINT: store.url, ...options.env } });
    } finally {
      await store.stop();
    }
  }

  it('applies all requested settings, and finds nothing to change the next time', async () => {
    const env = { SSE_MODE: 'kms', SSE_KMS_KEY_ID: 'alias/uploads', KEY_PREFIX: 'up/' };
    const options = { env, versioning: true };
    expect((await setUpBehind(() => null, { ...options, apply: true })).code).toBe(0);
    expect([...settings.keys()].sort()).toEqual([...NAMES].sort());
    expect(settings.get('encryption')).toContain('<KMSMasterKeyID>alias/uploads</KMSMasterKeyID>');
    expect(settings.get('lifecycle')).toContain('<Prefix>up/</Prefix>');
    expect(settings.get('lifecycle')).toContain('<DaysAfterInitiation>7</DaysAfterInitiation>');
    expect(settings.get('publicAccessBlock')).toContain('<IgnorePublicAcls>true</IgnorePublicAcls>');
    expect(await setUpBehind(() => null, options)).toMatchObject({
      code: 0,
      output: expect.stringContaining('nothing to change'),
    });
  });

  it('allows SSE-C on a bucket that blocks it, and keeps its default', async () => {
    const rule = (type: string) =>
      '<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256' +
      '</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BlockedEncryptionTypes><EncryptionType>' +
      `${type}</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>`;
    settings.set('encryption', rule('SSE-C'));
    const key = Buffer.alloc(32, 7).toString('base64');
    const env = { SSE_MODE: 'c', SSE_C_MASTER_KEYS: `k1:${key}`, S3_PROVIDER: 'aws' };
    const { output } = await setUpBehind(() => null, { env, apply: true });
    expect(output).toContain('SSE-C is blocked');
    expect(settings.get('encryption')).toContain('<EncryptionType>NONE</EncryptionType>');
    expect(settings.get('encryption')).toContain('<SSEAlgorithm>AES256</SSEAlgorithm>');
    expect((await setUpBehind(() => null, { env })).output).not.toContain('SSE-C is blocked');
  });

  it('skips settings that the store does not support, for reading or for writing', async () => {
    const { code, output } = await setUpBehind(
      (setting, { method }) => {
        if (setting === 'publicAccessBlock') return s3Error(501, 'NotImplemented');
        if (setting === 'versioning') return s3Error(405, 'MethodNotAllowed');
        // Like Ceph: for GET it lists the bucket, for PUT it tries to create it.
        if (setting !== 'encryption') return null;
        return method === 'PUT'
          ? s3Error(400, 'InvalidArgument')
          : { status: 200, headers: {}, body: '<ListBucketResult/>' };
      },
      { apply: true, versioning: true, env: { SSE_MODE: 's3' } },
    );
    expect(code).toBe(0);
    expect(output).toContain('public access: unknown to the store, it answers 501 NotImplemented');
    expect(output).toContain('versioning: unknown to the store, it answers 405 MethodNotAllowed');
    expect(output).toContain('encryption: skipped, the store does not support it (it answers 400 InvalidArgument)');
    expect(written.sort()).toEqual(['cors', 'lifecycle']);
  });

  it('reports a setting that the store accepts and ignores', async () => {
    const { code, output } = await setUpBehind(
      (_, { method }) => (method === 'PUT' ? { status: 200, headers: {}, body: '' } : null),
      { apply: true },
    );
    expect(output).toContain('cors: unchanged when read again');
    expect(code).toBe(1);
  });

  it('names the missing right, and never overwrites a setting that it could not read', async () => {
    const unreadable = await setUpBehind(
      (setting, { method }) => (setting === 'cors' && method === 'GET' ? s3Error(403, 'AccessDenied') : null),
      { apply: true },
    );
    expect(unreadable).toMatchObject({ code: 2, output: expect.stringContaining('lack s3:GetBucketCORS') });
    expect(written).not.toContain('cors');
    const unwritable = await setUpBehind(
      (setting, { method }) => (setting === 'cors' && method === 'PUT' ? s3Error(403, 'AccessDenied') : null),
      { apply: true },
    );
    expect(unwritable).toMatchObject({ code: 2, output: expect.stringContaining('lack s3:PutBucketCORS') });
  });
});

describe('withCorsRule', () => {
  const rule = { AllowedMethods: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'], AllowedHeaders: ['*'] };
  const whole = (...AllowedOrigins: string[]) => ({ ...rule, AllowedOrigins, ExposeHeaders: ['etag', 'Location'] });

  it.each([
    ['for this origin', [whole(ORIGIN)], [ORIGIN]],
    ['for any origin', [whole('*')], [ORIGIN, '*']],
    ['for its subdomains', [whole('https://*.example.com')], [ORIGIN, 'https://*.app.example.com']],
    ['one for each origin', [whole('https://a.example'), whole(ORIGIN)], [ORIGIN, 'https://a.example']],
  ])('adds no rule if there are rules %s', (_, rules, origins) => {
    expect(withCorsRule(rules, origins)).toEqual(rules);
  });

  it.each([
    ['for another origin', [whole('https://a.example')], [ORIGIN]],
    ['for one of two origins', [whole(ORIGIN)], [ORIGIN, 'https://a.example']],
    ['for one of many subdomains', [whole(ORIGIN)], ['https://*.example.com']],
    ['that come after one not exposing ETag', [{ ...rule, AllowedOrigins: ['*'] }, whole(ORIGIN)], [ORIGIN]],
    ['without PUT', [{ ...whole(ORIGIN), AllowedMethods: ['GET', 'POST'] }], [ORIGIN]],
    ['without the headers', [{ ...whole(ORIGIN), AllowedHeaders: ['content-type'] }], [ORIGIN]],
  ])('adds its rule in front of rules %s', (_, rules, origins) => {
    expect(withCorsRule(rules, origins)).toMatchObject([{ ID: 'signpost', AllowedOrigins: origins }, ...rules]);
  });
});

describe('withLifecycleRule', () => {
  const days = (DaysAfterInitiation: number) => ({ AbortIncompleteMultipartUpload: { DaysAfterInitiation } });
  const theirs = { ID: 'theirs', Status: 'Enabled' as const, Filter: { Prefix: 'logs/' }, Expiration: { Days: 3 } };

  it('adds one rule after the existing ones', () => {
    expect(withLifecycleRule([theirs], 'up/')).toEqual([
      theirs,
      { ID: 'signpost-abort-incomplete-uploads', Status: 'Enabled', Filter: { Prefix: 'up/' }, ...days(7) },
    ]);
  });

  it('adds none if another rule aborts unfinished uploads under the prefix', () => {
    const enough = { ID: 'all', Status: 'Enabled' as const, Filter: { Prefix: '' }, ...days(3) };
    expect(withLifecycleRule([enough], 'up/')).toEqual([enough]);
    const elsewhere = { ...enough, Filter: { Prefix: 'up/x/' } };
    const off = { ...enough, Status: 'Disabled' as const };
    const tagged = { ...enough, Filter: { And: { Prefix: '', Tags: [{ Key: 'a', Value: 'b' }] } } };
    for (const rule of [elsewhere, off, tagged]) expect(withLifecycleRule([rule], 'up/')).toHaveLength(2);
  });

  it('writes the prefix in the form of the existing rules, since S3 accepts no mixture', () => {
    const old = { ID: 'old', Status: 'Enabled' as const, Prefix: 'logs/', Expiration: { Days: 3 } };
    expect(withLifecycleRule([old], 'up/')[1]).toMatchObject({ Prefix: 'up/' });
    expect(withLifecycleRule([old], 'up/')[1]).not.toHaveProperty('Filter');
  });

  it('is described the same in both forms', () => {
    const [now] = withLifecycleRule([], 'up/');
    if (now === undefined) throw new Error('there is a rule');
    const { Filter: _, ...rest } = now;
    expect(describeLifecycleRule({ ...rest, Prefix: 'up/' })).toBe(describeLifecycleRule(now));
  });
});
