import { collectFiles, type FileSource, type Found } from '../client/queue/collect-files.ts';
import type { Announce } from './announcer.ts';
import { find } from './dom.ts';
import { texts } from './texts.ts';
import type { ChosenFile } from './upload-item.ts';

/** Files of folders are handed on so many at a time. */
const BATCH_FILES = 200;

/** Accepts files and folders from the buttons, from dropping anywhere on the page, and from pasting. */
export function acceptFiles(onFiles: (files: ChosenFile[]) => void, notify: Announce): void {
  const overlay = find(document, '#overlay', HTMLElement);

  const accept = async (source: FileSource): Promise<number> => {
    const { files, rest } = collectFiles(source);
    let batch = files.flatMap((found) => toChosen(found, notify));
    let count = 0;
    const hand = () => {
      count += batch.length;
      if (batch.length > 0) onFiles(batch);
      batch = [];
    };
    hand();
    for await (const found of rest) {
      batch.push(...toChosen(found, notify));
      if (batch.length >= BATCH_FILES) hand();
    }
    hand();
    return count;
  };

  for (const [button, picker] of [
    ['#choose', '#picker'],
    ['#choose-folder', '#folder-picker'],
  ] as const) {
    const input = find(document, picker, HTMLInputElement);
    find(document, button, HTMLButtonElement).addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      void accept([...(input.files ?? [])]);
      // Otherwise choosing the same file again would fire no event.
      input.value = '';
    });
  }

  /** Every element fires this event: only leaving the page ends the drag. */
  let depth = 0;
  const show = (by: number) => {
    depth = Math.max(0, by);
    overlay.hidden = depth === 0;
  };
  const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
  addEventListener('dragenter', (event) => hasFiles(event) && show(depth + 1));
  addEventListener('dragleave', (event) => hasFiles(event) && show(depth - 1));
  addEventListener('dragover', (event) => hasFiles(event) && event.preventDefault());
  addEventListener('drop', async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(0);
    if ((await accept(event.dataTransfer)) === 0) notify(texts.emptyFolder);
  });
  addEventListener('paste', (event) => void accept(event.clipboardData));
}

function toChosen({ file, fileName, relativePath }: Found, notify: Announce): ChosenFile[] {
  if (file instanceof File) return [{ file, relativePath }];
  notify(texts.unreadable(fileName));
  return [];
}
