import { createQueueMemory, type QueueMemory } from '../client/queue/create-upload-queue.ts';

/**
 * Remembers this user's unfinished uploads over a reload, where the browser can.
 * @param throughService what may be read only through the service (`PROXY_DOWNLOADS=only`) is not copied into the
 *   browser's storage: such files have to be chosen again.
 */
export function rememberUploads(owner: string, throughService: boolean): QueueMemory {
  const memory = createQueueMemory({ owner });
  return throughService ? { ...memory, save: (saved) => memory.save({ ...saved, file: null }) } : memory;
}
