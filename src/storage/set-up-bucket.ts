import { CreateBucketCommand, HeadBucketCommand, PutBucketCorsCommand, type S3Client } from '@aws-sdk/client-s3';
import { corsRule } from './with-cors-rule.ts';

/** Sets up the embedded bucket as `npm run bucket:setup` does others: creates it if missing, and sets CORS. */
export async function setUpBucket(
  client: S3Client,
  bucketName: string,
  allowedOrigins: readonly string[],
): Promise<void> {
  const Bucket = bucketName;
  await client.send(new HeadBucketCommand({ Bucket })).catch(() => client.send(new CreateBucketCommand({ Bucket })));
  if (allowedOrigins.length === 0) return;
  const CORSConfiguration = { CORSRules: [corsRule(allowedOrigins)] };
  await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration }));
}
