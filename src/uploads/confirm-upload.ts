import { type ActingCaller, audited } from '../audit/audited.ts';
import { type AuditServices, recordAct } from '../audit/record-events.ts';
import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import { busy, Problem } from '../contract/errors.ts';
import { toFile } from '../files/file-answer.ts';
import { createSlots, type Slots } from '../net/slots.ts';
import type { Receipts } from '../receipts/create-receipts.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import { type ConfirmObjectServices, confirmObject } from './confirm-object.ts';
import type { ConfirmUploadInput } from './confirm-upload-input.ts';
import { ownUploadKey } from './own-upload-key.ts';
import { type OnConfirmed, tellConfirmed } from './tell-confirmed.ts';
import { type Confirmed, findRow, isFileOf, noFile, refusalOf } from './upload-outcome.ts';

/** Limits on concurrent confirmations and abortions: in total, per user, and how long one waits for its turn. */
const MAX_CONFIRMING = 64;
const MAX_CONFIRMING_PER_USER = 16;
const CONFIRMING_WITHIN_MS = 10_000;

/** Slots for running confirmations: copying, completing and hashing take long, and one user must not block others. */
export function createConfirmingSlots(): Slots {
  return createSlots({
    inAll: MAX_CONFIRMING,
    perUser: MAX_CONFIRMING_PER_USER,
    waitMs: CONFIRMING_WITHIN_MS,
    refuse: (isUserLimit) => busy(`too many${isUserLimit ? ' of your' : ''} uploads are being confirmed or aborted`),
  });
}

export type ConfirmUploadServices = AuditServices &
  ConfirmObjectServices & {
    /** Limits concurrent confirmations: `createConfirmingSlots`. */
    confirming: Slots;
    config: Pick<Config, 'urls'>;
    metrics: Pick<Metrics, 'count'>;
    receipts: Pick<Receipts, 'sign'>;
    /** The app's own step before the answer, if any. */
    onConfirmed?: OnConfirmed | undefined;
  };

/**
 * Completes an upload in parts if there is one, verifies the object in the bucket, then inserts its row, with the file
 * id from the key. So any number of calls, concurrent or repeated, make one row and get the same answer; after a crash,
 * the object can be confirmed again.
 *
 * Two round trips: HEAD and the first bytes at the same time, then the insert. A repeated call has one on the same
 * instance: HEAD and the row at the same time. On another one it has three: after the insert, which does nothing, the
 * row. Uploads in parts, forms, refusals, and checksums that the store does not keep have more.
 * @returns the file, and whether this call made the row.
 * @throws {Problem} `not-your-object`, `object-not-found`, `upload-not-found`; `verification-failed` and
 * `quota-exceeded`: the object is removed, its id can never become a file, and a repeated call gets the same answer;
 * `file-rejected` once a held file was judged; `conflict`; `storage-unavailable`, `database-unavailable`,
 * `application-unavailable`: nothing is lost, repeat the call.
 */
export const confirmUpload = audited('upload.confirm', confirmInTurn, ({ objectKey }) => ({ objectKey }));

async function confirmInTurn(services: ConfirmUploadServices, caller: ActingCaller, input: ConfirmUploadInput) {
  const { objectKey } = input;
  const { config, confirming, metrics, receipts } = services;
  const { row, created } = await confirming
    .run(caller.userId, () =>
      confirmObject(services, caller, input).catch((error: unknown) =>
        whenOvertaken(services, caller, objectKey, error),
      ),
    )
    .catch((error: unknown) => {
      const outcome = error instanceof Problem ? error.code : 'internal-error';
      metrics.count('signpost_confirmations_total', { outcome });
      throw error;
    });
  const answer = toFile(row, config.urls.publicBaseUrl);
  const receipt = await receipts.sign?.(answer, caller.userId);
  const file = { ...answer, ...(receipt !== undefined && { receipt }) };
  metrics.count('signpost_confirmations_total', { outcome: created ? 'confirmed' : 'known' });
  if (created) metrics.count('signpost_confirmed_bytes_total', {}, file.size);
  if (!created && caller.isOnBehalf) await recordAct(services, caller, caller.act.action, { ...file, objectKey });
  if (services.onConfirmed !== undefined) await tellConfirmed(services.onConfirmed, file, caller);
  return { file, created };
}

/**
 * Returns the file of the concurrent call that won: it may have removed the object, after a copy or a refusal, while
 * this call was reading or copying it.
 */
async function whenOvertaken(
  services: ConfirmUploadServices,
  caller: Caller,
  objectKey: string,
  error: unknown,
): Promise<Confirmed> {
  const isGone = error instanceof Problem && ['object-not-found', 'upload-not-found', 'conflict'].includes(error.code);
  const key = isGone ? ownUploadKey(services.config.store, caller, objectKey) : null;
  const row = key && (await findRow(services, key));
  if (key === null || row === null) throw error;
  if (isFileOf(key, row) && row.storedKey !== null) return { row, created: false };
  throw refusalOf(row) === null ? error : noFile(key, row);
}
