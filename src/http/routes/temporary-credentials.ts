import { Hono } from 'hono';
import * as z from 'zod';
import {
  credentialsAnswer,
  type IssueCredentialsServices,
  issueCredentials,
  issueCredentialsInput,
} from '../../uploads/issue-credentials.ts';
import { answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
import { routeNotFound } from '../no-route.ts';
import type { Operations } from '../openapi/operation.ts';
import { readJson, readQuery } from '../validate.ts';

/** Credentials of the bucket for the caller's prefix. Scope `files:credentials`. */
export function credentialRoutes(services: IssueCredentialsServices): Hono<Env> {
  const routes = new Hono<Env>();

  routes.post('/temporary-credentials', async (c) => {
    requireOn(services);
    const caller = callerWith(c, 'files:credentials', 'credentials.issue');
    return answerJson(c, await issueCredentials(services, caller, await readJson(c, issueCredentialsInput)));
  });

  // The answer of Companion 6, and the prefix.
  routes.get('/s3/sts', async (c) => {
    requireOn(services);
    const caller = callerWith(c, 'files:credentials', 'credentials.issue');
    readQuery(c, z.strictObject({}));
    const issued = await issueCredentials(services, caller, {});
    const credentials = {
      AccessKeyId: issued.accessKeyId,
      SecretAccessKey: issued.secretAccessKey,
      SessionToken: issued.sessionToken,
      Expiration: issued.expiresAt,
    };
    return answerJson(c, { credentials, bucket: issued.bucket, region: issued.region, prefix: issued.prefix });
  });

  return routes;
}

/** @throws {Problem} `route-not-found` without TEMPORARY_CREDENTIALS_ROLE_ARN. */
function requireOn({ roleSessions }: IssueCredentialsServices): void {
  if (roleSessions === null) throw routeNotFound();
}

/** What the description of the API says of these routes. */
export const credentialOperations = {
  'POST /temporary-credentials': {
    id: 'issueCredentials',
    tag: 'Uploads',
    scopes: ['files:credentials'],
    summary: "Credentials of the bucket for the caller's prefix; only with `TEMPORARY_CREDENTIALS_ROLE_ARN`",
    body: issueCredentialsInput,
    answers: { 200: { description: 'The credentials, and where they work', schema: credentialsAnswer } },
    problems: ['route-not-found', 'database-unavailable'],
  },
  'GET /s3/sts': {
    id: 'companionCredentials',
    tag: 'Uppy',
    scopes: ['files:credentials'],
    summary: "Companion: credentials of the bucket for the caller's prefix",
    query: z.object({}),
    answers: {
      200: {
        description: 'The credentials',
        schema: z.strictObject({
          credentials: z.strictObject({
            AccessKeyId: z.string(),
            SecretAccessKey: z.string(),
            SessionToken: z.string(),
            Expiration: z.iso.datetime(),
          }),
          bucket: z.string(),
          region: z.string(),
          prefix: z.string().describe('Every key that they reach begins with it.'),
        }),
      },
    },
    problems: ['route-not-found', 'storage-unavailable', 'database-unavailable'],
  },
} satisfies Operations;
