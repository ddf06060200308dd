import type { StoreTraits } from '../config/store-traits.ts';
import { isS3Failure, statusOf } from './s3-failure.ts';

/** One bucket setting, as lines of text: the current and the wanted value. */
export type BucketSetting = { name: string } & (
  | { state: 'holds'; now: readonly string[] }
  /** `apply` returns null on success, or why the store does not support it; it throws if access is denied. */
  | { state: 'differs'; now: readonly string[]; wanted: readonly string[]; apply: () => Promise<string | null> }
  /** Not wanted by the configuration. */
  | { state: 'left alone'; why: string }
  | { state: 'unknown to the store'; why: string }
  /** A setting that cannot be read is not overwritten: it may hold others' rules. */
  | { state: 'unreadable'; why: string }
);

export type SettingToPlan = {
  name: string;
  /** The IAM action, without `s3:Get` or `s3:Put`. */
  action: string;
  /** Why the setting is skipped; false if it is not. */
  skip?: string | false;
  read: () => Promise<{ now: readonly string[]; wanted: readonly string[]; write: () => Promise<unknown> }>;
};

/**
 * Reads one setting and compares it. Stores other than AWS answer unsupported requests in many ways (501, 405, 400,
 * 409); from AWS, only 501 and 405 mean unsupported.
 * @throws {Error} if the bucket does not answer.
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
    if (isUnknown(error, store)) return { name, state: 'unknown to the store', why: answerOf(error) };
    throw error;
  }
}

/**
 * Writes one setting. Returns null, or why the store does not support it. Throws an Error naming the missing action.
 */
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
    if (isUnknown(error, store)) return answerOf(error);
    throw error;
  }
}

/** The current value; undefined if not set (404). */
export async function undefinedIfMissing<T>(reading: Promise<T>): Promise<T | undefined> {
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

function answerOf(error: unknown): string {
  return isS3Failure(error) ? `it answers ${statusOf(error)} ${error.name}` : String(error);
}
