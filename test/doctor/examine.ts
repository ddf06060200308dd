import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import type { Check } from '../../src/doctor/check.ts';
import { runBucketSetup } from '../../src/doctor/run-bucket-setup.ts';
import { runDoctor } from '../../src/doctor/run-doctor.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { type Returned, type Sent, startStoreInFront } from './store-in-front.ts';

export const isCeph = process.env.TEST_S3_ENDPOINT !== undefined;
export const ORIGIN = 'https://app.example.com';
export const ORIGINS = `${ORIGIN},https://*.example.net,capacitor://localhost`;

/** Made for the test file that imports this. */
export let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: TestDatabase;
beforeAll(async () => {
  bucket = await startTestBucket();
  database = await createTestDatabase();
  const config = parseConfig({ ...bucket.env, ALLOWED_ORIGINS: ORIGINS });
  expect(await runBucketSetup(config, { apply: true, versioning: false, print: () => {} })).toBe(0);
});
afterAll(async () => {
  await bucket.close();
  await database.drop();
});

type Options = {
  env?: Record<string, string>;
  now?: () => Date;
  signal?: AbortSignal;
  report?: (check: Check) => void;
};

/** The doctor on the test's bucket and database, with these settings. */
export function examine({ env = {}, now = () => new Date(), ...options }: Options = {}): Promise<Check[]> {
  const settings = { DATABASE_URL: database.url, JWT_SECRET: 'x'.repeat(40), ALLOWED_ORIGINS: ORIGIN, ...bucket.env };
  const ofStore = { S3_SIGN_ABSENT_HEADERS: String(isCeph) };
  return runDoctor(parseConfig({ ...settings, ...ofStore, ...env }), {
    signal: new AbortController().signal,
    report: () => {},
    now,
    ...options,
  });
}

/** The doctor on a store in front of the test's bucket. */
export async function examineBehind(
  answer: (sent: Sent, passOn: () => Promise<Returned>) => Promise<Returned>,
  env = {},
) {
  const store = await startStoreInFront(bucket.endpoint, answer);
  try {
    return await examine({ env: { S3_ENDPOINT: store.url, ...env } });
  } finally {
    await store.stop();
  }
}

export const failed = (checks: Check[]) => checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
export const warned = (checks: Check[]) => checks.filter(({ verdict }) => verdict === 'warn').map(({ name }) => name);
export const named = (checks: Check[], name: string) => checks.find((check) => check.name === name);

/** How many objects and uploads in parts are in the bucket. */
export async function leftBehind(): Promise<number> {
  const input = { Bucket: bucket.name };
  const objects = await bucket.client.send(new ListObjectsV2Command(input));
  const uploads = await bucket.client.send(new ListMultipartUploadsCommand(input));
  return (objects.Contents?.length ?? 0) + (uploads.Uploads?.length ?? 0);
}
