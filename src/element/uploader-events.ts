import type { QueueItem } from '../client/queue/queue-item.ts';
import type { StoredFile } from '../client/stored-file.ts';

/** The events of the element. Each bubbles, also out of other shadow trees. */
export type UploaderEvents = {
  /** A file was confirmed. */
  'signpost-uploaded': CustomEvent<{ file: StoredFile; item: QueueItem }>;
  /** A file was refused, or could not be sent. `error` is usually a `SignpostError`. */
  'signpost-failed': CustomEvent<{ error: unknown; item: QueueItem }>;
  /**
   * A file left the list: the user removed it, another file replaced it (without `multiple`), or it was over
   * `max-files`. A confirmed one (`file`) stays stored. Resetting the form empties the list without this event.
   */
  'signpost-removed': CustomEvent<{ file: StoredFile | null; item: QueueItem }>;
};
