import type { FileHandle } from 'node:fs/promises';
import type { S3Request } from './s3-request.ts';
import type { Store } from './store/open-store.ts';

/** A request whose signature held. */
export type S3Call = {
  request: S3Request;
  /** What the signature says the body's SHA-256 is, in lower-case hex; null when the payload is unsigned. */
  payloadSha256: string | null;
  store: Store;
  region: string;
  now: Date;
};

/** Bytes `start` to `end` of an open file, both included; whoever sends it closes it. */
export type FileRange = { handle: FileHandle; start: number; end: number };

export type S3Answer = {
  status: number;
  headers: readonly (readonly [string, string])[];
  body?: Buffer | FileRange;
};

/** One operation of the S3 API. Throws `S3Error` for every refusal. */
export type S3Operation = (call: S3Call) => Promise<S3Answer>;
