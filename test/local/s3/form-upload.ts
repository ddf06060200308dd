import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll } from 'vitest';
import { type Fixture, KEYS, type RawAnswer, startFixture } from './s3-fixture.ts';
import { encodeForm, exactConditions, type FormFile, signForm } from './sign-form.ts';

export const FILE: FormFile = { name: 'höllo "1".txt', type: 'text/html', body: 'hello' };

// biome-ignore lint/suspicious/noTemplateCurlyInString: it is a variable of S3's
export const VARIABLE = '${filename}';

/** Started for the test file that imports this. */
export let s3: Fixture;
beforeAll(async () => {
  s3 = await startFixture();
});
afterAll(() => s3.stop());

export type Change = {
  conditions?: unknown[];
  policy?: Record<string, unknown>;
  after?: Record<string, string | undefined>;
  file?: FormFile | null;
  headers?: Record<string, string>;
};

/** A form whose policy names every field exactly, changed after it was signed. */
export async function post(fields: Record<string, string>, change: Change = {}): Promise<RawAnswer> {
  const conditions = change.conditions ?? exactConditions(s3.bucket, fields);
  const signed = Object.entries({ ...signForm(KEYS, fields, conditions, change.policy), ...change.after });
  const sent = signed.filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { headers, body } = encodeForm(Object.fromEntries(sent), change.file === undefined ? FILE : change.file);
  return s3.raw({ method: 'POST', path: `/${s3.bucket}`, headers: { ...headers, ...change.headers }, body });
}

export async function read(Key: string) {
  const { Body, ...head } = await s3.client.send(new GetObjectCommand({ Bucket: s3.bucket, Key }));
  return { ...head, body: Buffer.from((await Body?.transformToByteArray()) ?? []) };
}

export async function dataFiles(): Promise<string[]> {
  return readdir(join(s3.directory, 'buckets', s3.bucket, 'data'));
}
