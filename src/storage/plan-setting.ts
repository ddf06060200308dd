import { S3ServiceException } from '@aws-sdk/client-s3';
import type { StoreTraits } from '../config/store-traits.ts';

/** One setting of a bucket, line by line: what it is now, and what it should be. */
export type BucketSetting = { name: string } & (
  | { state: 'holds'; now: readonly string[] }
  /** `apply` returns null when it is done, or why the store does not take it; it throws when it may not. */
  | { state: 'differs'; now: readonly string[]; wanted: readonly string[]; apply: () => Promise<string | null> }
  /** Not asked for. */
  | { state: 'left alone'; why: string }
  | { state: 'unknown to the store'; why: string }
  /** What cannot be read is not overwritten: it may hold the rules of others. */
  | { state: 'unreadable'; why: string }
);

export type SettingToPlan = {
  name: string;
  /** The IAM actions, without `s3:Get` and `s3:Put`. */
  action: string;
  /** Why it is left alone; false where it is not. */
  skip?: string | false;
  read: () => Promise<{ now: readonly string[]; wanted: readonly string[]; write: () => Promise<unknown> }>;
};

/**
 * Reads one setting and compares it. Stores other than AWS answer in many ways to what they do not know (501, 405, 400,
 * 409): of AWS only 501 and 405 count as that.
 * @throws {Error} when the bucket does not answer.
 */
export async function planSetting(
  setting: SettingToPlan,
  store: Pick<StoreTraits, 'bucketSettings'>,
): Promise<BucketSetting> {
  const { name, action, skip, read } = setting;
  if (skip) return { name, state: 'left alone', why: skip };
  try {
    const { now, wanted, write } = await read();
    if (now.join('\n') === wanted.join('\n')) return { name, state: 'holds', now };
    return { name, state: 'differs', now, wanted, apply: () => applySetting(`s3:Put${action}`, store, write) };
  } catch (error) {
    if (statusOf(error) === 403) return { name, state: 'unreadable', why: `these credentials lack s3:Get${action}` };
    if (isUnknown(error, store)) return { name, state: 'unknown to the store', why: reasonOf(error) };
    throw error;
  }
}

/** Writes one setting; null, or why the store does not know it. Throws an Error naming an action not allowed. */
export async function applySetting(
  action: string,
  store: Pick<StoreTraits, 'bucketSettings'>,
  write: () => Promise<unknown>,
): Promise<string | null> {
  try {
    await write();
    return null;
  } catch (error) {
    if (statusOf(error) === 403) throw new Error(`these credentials lack ${action}`);
    if (isUnknown(error, store)) return reasonOf(error);
    throw error;
  }
}

/** What was read; undefined where nothing is set (404). */
export async function orNothing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

function isUnknown(error: unknown, store: Pick<StoreTraits, 'bucketSettings'>): boolean {
  const status = statusOf(error) ?? 0;
  return status === 501 || status === 405 || (!store.bucketSettings && status >= 400 && status < 500 && status !== 401);
}

function reasonOf(error: unknown): string {
  return error instanceof S3ServiceException ? `it answers ${statusOf(error)} ${error.name}` : String(error);
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
