import { CreateBucketCommand, HeadBucketCommand, PutBucketCorsCommand, type S3Client } from '@aws-sdk/client-s3';

/**
 * Creates the bucket where it is missing, and lets browsers from these origins upload to it and read what they need of
 * the answers (S3 User Guide, "Elements of a CORS configuration").
 */
export async function setUpBucket(
  client: S3Client,
  bucketName: string,
  allowedOrigins: readonly string[],
): Promise<void> {
  const Bucket = bucketName;
  await client.send(new HeadBucketCommand({ Bucket })).catch(() => client.send(new CreateBucketCommand({ Bucket })));
  if (allowedOrigins.length === 0) return;
  await client.send(
    new PutBucketCorsCommand({
      Bucket,
      CORSConfiguration: {
        CORSRules: [
          {
            AllowedOrigins: [...allowedOrigins],
            AllowedMethods: ['GET', 'HEAD', 'PUT', 'POST'],
            AllowedHeaders: ['*'],
            // Browsers hide every other header from the page.
            ExposeHeaders: ['ETag', 'Content-Range', 'x-amz-version-id', 'x-amz-checksum-sha256'],
            MaxAgeSeconds: 600,
          },
        ],
      },
    }),
  );
}
