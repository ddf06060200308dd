import { systemActor } from '../contract/object-key.ts';
import { reasonOf } from '../net/reason-of.ts';
import type { RoleSessions } from '../storage/role-sessions.ts';
import { statusOf } from '../storage/s3-failure.ts';
import { type Check, fail, ok, unreachable } from './check.ts';

/**
 * Assumes the role of temporary credentials as the service does: with the trials of what the store must refuse. Nothing
 * without `TEMPORARY_CREDENTIALS_ROLE_ARN`.
 */
export async function* checkSessions({ roleSessions }: { roleSessions: RoleSessions | null }): AsyncIterable<Check> {
  if (roleSessions === null) return;
  const name = 'temporary credentials: role';
  const rights = { mayRead: true, mayWrite: true };
  try {
    await roleSessions.open({ userId: systemActor('doctor'), rights, seconds: 900, name: 'signpost-doctor' });
    yield ok(name, 'assumed; its sessions reach one prefix alone, and no upload');
  } catch (error) {
    const isAnswer = (statusOf(error) ?? 500) < 500 || (error instanceof Error && /^TEMPORARY_/.test(error.message));
    const remedy = 'the role and its policies: docs/temporary-credentials.md';
    if (isAnswer) yield fail(name, reasonOf(error), remedy);
    else yield unreachable(name, reasonOf(error), 'TEMPORARY_CREDENTIALS_STS_ENDPOINT, or the network');
  }
}
