import type { Announce } from './announcer.ts';
import { find } from './dom.ts';

/** Accepts files from the button, from dropping anywhere on the page, and from pasting. */
export function acceptFiles(onFiles: (files: File[]) => void, announce: Announce): void {
  const picker = find(document, '#picker', HTMLInputElement);
  const overlay = find(document, '#overlay', HTMLElement);

  find(document, '#choose', HTMLButtonElement).addEventListener('click', () => picker.click());
  picker.addEventListener('change', () => {
    onFiles([...(picker.files ?? [])]);
    // Otherwise choosing the same file again would fire no event.
    picker.value = '';
  });

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
  addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    show(0);
    accept(event.dataTransfer);
  });
  addEventListener('paste', (event) => accept(event.clipboardData));

  const accept = (data: DataTransfer | null) => {
    const items = [...(data?.items ?? [])].filter(({ kind }) => kind === 'file');
    // A folder arrives as a file that cannot be read.
    const plain = items.filter((item) => item.webkitGetAsEntry()?.isDirectory !== true);
    if (plain.length < items.length) announce('Folders are skipped: drop the files in them');
    const files = plain.flatMap((item) => item.getAsFile() ?? []);
    if (files.length > 0) onFiles(files);
  };
}
