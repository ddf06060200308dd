import type { Caller } from '../auth/caller.ts';
import type { StoredFile } from '../client/stored-file.ts';
import { unavailable } from '../contract/errors.ts';
import { inTime } from '../net/in-time.ts';

/** Who confirmed an upload, and the files' owner. `userId` is null for a bucket event. */
export type ConfirmedBy = { userId: string | null; ownerId: string; requestId: string };

/**
 * Called with a file before its confirmation is answered: at least once for each file, and again if the confirmation is
 * repeated. So it must be idempotent by `fileId`. The row exists already.
 */
export type OnConfirmed = (file: StoredFile, by: ConfirmedBy) => void | Promise<void>;

/** How long the app may take. */
const TOLD_WITHIN_MS = 30_000;

/** @throws {Problem} `application-unavailable` if it throws or takes over 30 s: the file stays, repeat the call. */
export async function tellConfirmed(
  onConfirmed: OnConfirmed,
  file: StoredFile,
  caller: Pick<Caller, 'actorId' | 'userId' | 'requestId'>,
  withinMs = TOLD_WITHIN_MS,
): Promise<void> {
  const { actorId, userId: ownerId, requestId } = caller;
  // The name of an actor that is not a user begins with a control character.
  const userId = actorId < ' ' ? null : actorId;
  try {
    await inTime(
      Promise.resolve().then(() => onConfirmed(file, { userId, ownerId, requestId })),
      withinMs,
    );
  } catch (cause) {
    throw unavailable('application', new Error('onConfirmed failed', { cause }));
  }
}
