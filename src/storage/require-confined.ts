import {
  CopyObjectCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';

/**
 * Makes sure that the store limits a session to its policy. It tries three calls that the store must refuse: listing
 * the bucket, assuming the role again, and copying an object over a key of the service's uploads. Ceph 16 allows the
 * second unless the role's trust policy denies it, and the third unless the role's own policy denies it.
 * @param client has the credentials of a session for `prefix`, which is nobody's.
 * @param assumeAgain assumes the role with the session's credentials.
 * @throws {Error} that names what the session may do; also if the store does not answer, since then nothing is known.
 */
export async function requireConfined(
  client: S3Client,
  { Bucket, prefix, assumeAgain }: { Bucket: string; prefix: string; assumeAgain: () => Promise<unknown> },
): Promise<void> {
  if (await isAllowed(client.send(new ListObjectsV2Command({ Bucket, Prefix: '', MaxKeys: 1 })))) {
    throw new Error('TEMPORARY_CREDENTIALS_ROLE_ARN: this store does not apply session policies');
  }
  if (await isAllowed(assumeAgain())) {
    throw new Error(
      'TEMPORARY_CREDENTIALS_ROLE_ARN: a session of the role may assume it again; deny that in the trust policy',
    );
  }
  const Key = `${prefix}probe`;
  await client.send(new PutObjectCommand({ Bucket, Key, Body: 'probe' }));
  try {
    const upload = `${prefix}_/_/00000000-0000-7000-8000-000000000000/probe`;
    const copy = new CopyObjectCommand({ Bucket, Key: upload, CopySource: `${Bucket}/${Key}` });
    if (await isAllowed(client.send(copy))) {
      throw new Error(
        "TEMPORARY_CREDENTIALS_ROLE_ARN: a session of the role may copy over files; deny that in the role's policy",
      );
    }
  } finally {
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
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

function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined;
  return (error.$metadata as { httpStatusCode?: number }).httpStatusCode;
}
