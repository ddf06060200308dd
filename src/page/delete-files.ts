import type { StoredFile } from '../client/create-signpost.ts';
import { explain } from './explain.ts';
import type { Notify } from './show-notice.ts';
import { texts } from './texts.ts';

type Batch = { files: readonly StoredFile[]; isSettled: boolean };

/**
 * Deletes files when the notice with the button "Undo" has gone, or when the page is left: until then they are only
 * hidden.
 * @param onChange called when files were hidden, or came back.
 */
export function createDeletion(remove: (fileId: string) => Promise<void>, notify: Notify, onChange: () => void) {
  const hidden = new Set<string>();
  let pending: Batch | null = null;

  const bringBack = (files: readonly StoredFile[]) => {
    for (const { fileId } of files) hidden.delete(fileId);
    onChange();
  };
  const commit = async (batch: Batch) => {
    if (pending === batch) pending = null;
    if (batch.isSettled) return;
    batch.isSettled = true;
    // All at once: when the page is left, nothing can be sent later.
    await Promise.all(
      batch.files.map(async (file) => {
        try {
          await remove(file.fileId);
        } catch (error) {
          bringBack([file]);
          notify(texts.notDeleted(file.fileName, explain(error)));
        }
      }),
    );
    onChange();
  };
  addEventListener('pagehide', () => pending && void commit(pending));

  return {
    isHidden: (fileId: string): boolean => hidden.has(fileId),
    delete: (files: readonly StoredFile[]): void => {
      const [first] = files;
      if (first === undefined) return;
      if (pending) void commit(pending);
      const batch: Batch = { files, isSettled: false };
      pending = batch;
      for (const { fileId } of files) hidden.add(fileId);
      onChange();
      const undo = () => {
        batch.isSettled = true;
        pending = null;
        bringBack(files);
        notify(texts.kept(first.fileName, files.length));
      };
      notify(texts.deleted(first.fileName, files.length), { undo, onGone: () => void commit(batch) });
    },
  };
}
