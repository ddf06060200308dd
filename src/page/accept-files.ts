import type { FileSource } from '../client/queue/collect-files.ts';
import type { Announce } from './announcer.ts';
import { find } from './dom.ts';
import { texts } from './texts.ts';

/**
 * Accepts files and folders from the buttons, from dropping anywhere on the page, and from pasting.
 * @param add returns how many files there were; undefined if it takes none.
 */
export function acceptFiles(add: (source: FileSource) => Promise<number | undefined>, notify: Announce): void {
  const overlay = find(document, '#overlay', HTMLElement);

  for (const [button, picker] of [
    ['#choose', '#picker'],
    ['#choose-folder', '#folder-picker'],
  ] as const) {
    const input = find(document, picker, HTMLInputElement);
    find(document, button, HTMLButtonElement).addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      void add([...(input.files ?? [])]);
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
    if ((await add(event.dataTransfer)) === 0) notify(texts.emptyFolder);
  });
  addEventListener('paste', (event) => void add([...(event.clipboardData?.files ?? [])].map(nameByTime)));
}

/** A pasted picture always has the same name. */
function nameByTime(file: File): File {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const name = texts.pasted(new Date(), file.name.slice('image'.length));
  return new File([file], name, { type: file.type, lastModified: file.lastModified });
}
