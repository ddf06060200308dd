import type { QueueItem } from '../client/queue/queue-item.ts';
import type { StoredFile } from '../client/stored-file.ts';

/** The events of the element. Each bubbles, also out of other shadow trees. */
export type UploaderEvents = {
  /** A file was confirmed. */
  'signpost-uploaded': CustomEvent<{ file: StoredFile; item: QueueItem }>;
  /** A file was refused, or could not be sent. `error` is usually a `SignpostError`. */
  'signpost-failed': CustomEvent<{ error: unknown; item: QueueItem }>;
  /** The user removed a file from the list. A confirmed one (`file`) stays stored. */
  'signpost-removed': CustomEvent<{ file: StoredFile | null; item: QueueItem }>;
};
