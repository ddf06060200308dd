import type { S3Request } from './s3-request.ts';
import type { Payload } from './signature/payload.ts';
import type { DataReader } from './store/data-files.ts';
import type { Store } from './store/store.ts';

/** An authorized request. */
export type S3Call = {
  request: S3Request;
  payload: Payload;
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
