import type { Files, StoredFile } from '../client/create-signpost.ts';
import { find, setText } from './dom.ts';
import { explain } from './explain.ts';

/**
 * Asks, then deletes.
 * @returns a function that resolves when the dialog closes: with true if the file was deleted.
 */
export function createDeleteDialog(files: Pick<Files, 'remove'>) {
  const dialog = find(document, '#delete', HTMLDialogElement);
  const problem = find(dialog, '.problem', HTMLElement);
  const keep = find(dialog, '.keep', HTMLButtonElement);
  const confirm = find(dialog, '.confirm', HTMLButtonElement);
  let asked: StoredFile | null = null;

  keep.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', ({ target }) => target === dialog && dialog.close());
  confirm.addEventListener('click', async () => {
    const file = asked;
    if (file === null) return;
    setText(problem, '');
    confirm.disabled = true;
    try {
      await files.remove(file.fileId);
      if (asked === file) dialog.close('deleted');
    } catch (error) {
      setText(problem, explain(error));
      setText(confirm, 'Try again');
    } finally {
      confirm.disabled = false;
    }
  });

  return (file: StoredFile): Promise<boolean> => {
    asked = file;
    dialog.returnValue = '';
    setText(find(dialog, '#delete-name', HTMLElement), file.fileName);
    setText(problem, '');
    setText(confirm, 'Delete');
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'deleted'), { once: true });
    });
  };
}
