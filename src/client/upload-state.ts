import type { AppTypes } from './app-types.ts';
import type { SignpostError } from './signpost-error.ts';
import type { StoredFile } from './stored-file.ts';

/**
 * What an upload is doing at the moment. Narrow it by `status`.
 *
 * An upload begins as `waiting`; `done`, `failed` and `aborted` are its last states.
 */
export type UploadState<App extends AppTypes = AppTypes> =
  /** Waits until fewer than `parallelFiles` other files are being sent, or until it may go on after a pause. */
  | { status: 'waiting' }
  /** Is hashed or encrypted, and asks the service for URLs. */
  | { status: 'preparing' }
  /** Bytes are sent. */
  | { status: 'uploading' }
  /** A request has failed with `error`, and is repeated. Lasts until a byte is sent or a request succeeds. */
  | {
      status: 'retrying';
      error: SignpostError;
      /** Milliseconds since the epoch; sooner if the browser says that it is online again. */
      nextAttemptAtMs: number;
    }
  /** As `retrying`, while the browser says that it has no network: goes on by itself. */
  | { status: 'offline' }
  | {
      status: 'paused';
      /** How many bytes were sent and must be sent again. The progress no longer counts them. */
      lostBytes: number;
    }
  /** All bytes are sent: the service verifies what the bucket has. */
  | {
      status: 'confirming';
      /** Where the bytes are: the `objectKey` to give to `upload` if this page ends before the answer. */
      objectKey: string;
    }
  | { status: 'done'; file: StoredFile<App> }
  | {
      status: 'failed';
      /** Usually a `SignpostError`. */
      error: unknown;
      /** Whether uploading the same file again can help: not if the file itself was refused, or has changed. */
      retryable: boolean;
    }
  /** By `abort()` or its signal. */
  | { status: 'aborted' };
