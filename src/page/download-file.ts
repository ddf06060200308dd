import type { Files, StoredFile } from '../client/create-signpost.ts';
import type { Announce } from './announcer.ts';
import { find } from './dom.ts';
import { explain } from './explain.ts';
import { formatBytes } from './format.ts';
import { texts } from './texts.ts';

/** The largest file that is read whole, into memory: no link leads to it, and the page cannot write it to the disk. */
export const MAX_WHOLE_BYTES = 200_000_000;

/** Chromium has it in secure contexts (File System Access specification, section 3.4). */
type Global = typeof globalThis & {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
};

/** Between two downloads: a browser drops one that begins in the same moment. */
const GAP_MS = 1_000;

/**
 * Saves files under their names.
 * @param throughService the service presigns no downloads (`PROXY_DOWNLOADS=only`).
 */
export function createDownload(
  files: Pick<Files, 'download' | 'downloadTo' | 'downloadUrl'>,
  throughService: boolean,
  announce: Announce,
  notify: Announce,
) {
  /** No frame can send the headers of a file with a key of its own, or the token, so the page reads it. */
  const save = async ({ fileId, fileName, size }: StoredFile): Promise<void> => {
    const { showSaveFilePicker: pickPlace }: Global = globalThis;
    if (size <= MAX_WHOLE_BYTES) return saveAs(fileName, await files.download(fileId));
    if (pickPlace === undefined) return notify(texts.tooLargeToSave(fileName, formatBytes(MAX_WHOLE_BYTES)));
    const place = await pickPlace({ suggestedName: fileName });
    await files.downloadTo(fileId, await place.createWritable());
    notify(texts.saved(fileName));
  };
  const download = async (file: StoredFile): Promise<void> => {
    const { fileId, fileName } = file;
    try {
      const link = throughService ? null : await files.downloadUrl(fileId, { disposition: 'attachment' });
      announce(texts.downloading(fileName));
      if (link === null || link.headers !== undefined) await save(file);
      // In a frame of its own: navigating to an attachment or to an error of the bucket would stop the uploads.
      else find(document, '#downloads', HTMLIFrameElement).src = link.presignedUrl;
    } catch (error) {
      // The user has closed the dialog that asks for a place.
      if (error instanceof DOMException && error.name === 'AbortError') return;
      notify(texts.notDownloaded(fileName, explain(error)));
    }
  };
  return {
    download,
    downloadAll: async (chosen: readonly StoredFile[]): Promise<void> => {
      for (const file of chosen) {
        await download(file);
        await new Promise((resolve) => setTimeout(resolve, GAP_MS));
      }
    },
  };
}

function saveAs(fileName: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = fileName;
  link.click();
  // The browser has the content by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
