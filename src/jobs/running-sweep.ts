import type { Config } from '../config/config.ts';
import type { Logger } from '../contract/logger.ts';
import { systemActor } from '../contract/object-key.ts';
import type { Act, AuditAction } from '../db/audit-row.ts';
import type { SweepQueries } from '../db/create-sweep-queries.ts';
import type { SweepCounts } from '../db/jobs-schema.ts';
import type { Bucket } from '../storage/bucket.ts';
import type { BucketLister } from '../storage/list-bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import type { IdSigner } from '../uploads/id-signer.ts';
import type { Clocks } from './agreed-clocks.ts';
import type { ClaimServices } from './claim-bucket.ts';

export type SweepServices = ClaimServices & {
  config: Pick<Config, 'store' | 'jobs'>;
  bucket: Bucket;
  lister: BucketLister;
  ids: IdSigner;
  multipart: Pick<MultipartUploads, 'abort'>;
  sweepQueries: SweepQueries;
  readClocks: () => Promise<Clocks>;
  logger: Pick<Logger, 'warn'>;
};

/** The state that the parts of a sweep share. */
export type RunningSweep = {
  services: SweepServices;
  counts: SweepCounts;
  dryRun: boolean;
  clocks: Clocks;
  failures: { count: number; silentInARow: number };
  /** When aborted, nothing more is removed. */
  signal: AbortSignal;
  /** Called before each batch of removals; throws unless this sweep may still remove. */
  check: () => Promise<void>;
};

const SWEEPER = systemActor('sweeper');

/** The sweeper's part of a row in the audit log. */
export function actOfSweeper(action: AuditAction): Act {
  return { actorId: SWEEPER, requestId: 'sweep', address: null, action };
}
