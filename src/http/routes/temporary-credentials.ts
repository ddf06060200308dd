import { Hono } from 'hono';
import * as z from 'zod';
import { Problem } from '../../contract/errors.ts';
import {
  type IssueCredentialsServices,
  issueCredentials,
  issueCredentialsInput,
} from '../../uploads/issue-credentials.ts';
import { answerJson } from '../answer.ts';
import { callerWith } from '../authenticate.ts';
import type { Env } from '../env.ts';
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
      ...{ AccessKeyId: issued.accessKeyId, SecretAccessKey: issued.secretAccessKey },
      ...{ SessionToken: issued.sessionToken, Expiration: issued.expiresAt },
    };
    return answerJson(c, { credentials, bucket: issued.bucket, region: issued.region, prefix: issued.prefix });
  });

  return routes;
}

/** @throws {Problem} `route-not-found` without TEMPORARY_CREDENTIALS_ROLE_ARN. */
function requireOn({ roleSessions }: IssueCredentialsServices): void {
  if (roleSessions === null) throw new Problem('route-not-found', 'this route does not exist');
}
