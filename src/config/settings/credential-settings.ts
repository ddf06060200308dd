import * as z from 'zod';
import { baseUrl, integer } from './kinds.ts';

/** AWS STS API Reference, "AssumeRole": `DurationSeconds`. */
export const MIN_CREDENTIAL_SECONDS = 900;
export const MAX_CREDENTIAL_SECONDS = 43_200;

export const credentialSettings = {
  TEMPORARY_CREDENTIALS_ROLE_ARN: z
    .string()
    .regex(
      /^arn:[a-z-]+:iam::[^:\s]*:role\/\S+$/,
      'must be the ARN of a role, like arn:aws:iam::123456789012:role/uploads',
    )
    .optional()
    .meta({
      description:
        'The role of temporary credentials: what it may do in the bucket, narrowed to the prefix of a caller. See ' +
        '[the role](temporary-credentials.md#the-role). Not with the embedded bucket, which has no STS.',
      fallback: 'there are no temporary credentials',
      example: 'arn:aws:iam::123456789012:role/uploads',
    }),
  TEMPORARY_CREDENTIALS_STS_ENDPOINT: baseUrl.optional().meta({
    description: "URL of the store's STS.",
    fallback: '`S3_ENDPOINT`; on AWS the one of the region',
    example: 'https://sts.example.com',
  }),
  TEMPORARY_CREDENTIALS_MAX_SECONDS: integer(MIN_CREDENTIAL_SECONDS, MAX_CREDENTIAL_SECONDS, 'seconds')
    .default(3600)
    .meta({
      description:
        "How long temporary credentials are valid at most: not longer than the role's own maximum, and an hour if " +
        'the service itself runs with a role.',
    }),
};
