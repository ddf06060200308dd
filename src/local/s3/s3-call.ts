import type { S3Request } from './s3-request.ts';
import type { DataReader } from './store/data-files.ts';
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

export type S3Answer = {
  status: number;
  headers: readonly (readonly [string, string])[];
  body?: Buffer | DataReader;
};

/** One operation of the S3 API. Throws `S3Error` for every refusal. */
export type S3Operation = (call: S3Call) => Promise<S3Answer>;
