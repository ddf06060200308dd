import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { statusOf } from './s3-failure.ts';

/** A session for a prefix, and what the service itself may do. */
type Trial = {
  Bucket: string;
  /** The session's prefix, which belongs to no user. */
  prefix: string;
  /** Another prefix, which belongs to no user either. */
  otherPrefix: string;
  /** Assumes the role with the session's credentials. */
  assumeAgain: () => Promise<unknown>;
  /** Has the credentials of the service. */
  own: S3Client;
};

const SETTING = 'TEMPORARY_CREDENTIALS_ROLE_ARN';
const NOT_APPLIED = `${SETTING}: this store does not apply session policies`;

/**
 * Makes sure that the store limits a session to its policy. It tries calls that the store must refuse: listing the
 * bucket; reading, replacing and removing an object under another prefix; assuming the role again; and copying an
 * object over a key of the service's uploads. Ceph 16 allows the role to be assumed again unless the role's trust
 * policy denies it, and the copy unless the role's own policy denies it.
 * @param session has the credentials of a session.
 * @throws {Error} that names what the session may do; also if the store does not answer, since then nothing is known.
 */
export async function requireConfined(session: S3Client, trial: Trial): Promise<void> {
  const { Bucket, prefix, otherPrefix, assumeAgain, own } = trial;
  if (await isAllowed(session.send(new ListObjectsV2Command({ Bucket, Prefix: '', MaxKeys: 1 })))) {
    throw new Error(NOT_APPLIED);
  }
  if (await isAllowed(assumeAgain())) {
    throw new Error(`${SETTING}: a session of the role may assume it again; deny that in the trust policy`);
  }
  await withObject(own, { Bucket, Key: `${otherPrefix}probe` }, async (outside) => {
    // Without the right to list, a missing object is a 403 as well: so there must be one.
    const calls = {
      read: () => session.send(new GetObjectCommand(outside)),
      replace: () => session.send(new PutObjectCommand({ ...outside, Body: 'probe' })),
      remove: () => session.send(new DeleteObjectCommand(outside)),
    };
    for (const [what, call] of Object.entries(calls)) {
      if (await isAllowed(call())) throw new Error(`${NOT_APPLIED}: a session may ${what} other users' objects`);
    }
  });
  const inside = { Bucket, Key: `${prefix}probe` };
  await withObject(session, inside, async ({ Key }) => {
    const upload = `${prefix}_/_/00000000-0000-7000-8000-000000000000/probe`;
    const copy = new CopyObjectCommand({ Bucket, Key: upload, CopySource: `${Bucket}/${Key}` });
    if (await isAllowed(session.send(copy))) {
      throw new Error(`${SETTING}: a session of the role may copy over files; deny that in the role's policy`);
    }
  });
}

/** Puts a small object, and removes it after the task, however that ends. */
async function withObject(
  client: S3Client,
  object: { Bucket: string; Key: string },
  task: (object: { Bucket: string; Key: string }) => Promise<void>,
): Promise<void> {
  await client.send(new PutObjectCommand({ ...object, Body: 'probe' }));
  try {
    await task(object);
  } finally {
    await client.send(new DeleteObjectCommand(object));
  }
}

/** @throws any error other than a refusal: without an answer, nothing is known. */
async function isAllowed(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (statusOf(error) === 403) return false;
    throw error;
  }
}
