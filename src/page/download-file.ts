import type { Files, StoredFile } from '../client/create-signpost.ts';
import type { Announce } from './announcer.ts';
import { find } from './dom.ts';
import { explain } from './explain.ts';
import { texts } from './texts.ts';

/** Between two downloads: a browser drops one that begins in the same moment. */
const GAP_MS = 1_000;

/**
 * Saves files under their names.
 * @param throughService the service presigns no downloads (`PROXY_DOWNLOADS=only`).
 */
export function createDownload(
  files: Pick<Files, 'download' | 'downloadUrl'>,
  throughService: boolean,
  announce: Announce,
  notify: Announce,
) {
  const download = async ({ fileId, fileName }: StoredFile): Promise<void> => {
    try {
      const link = throughService ? null : await files.downloadUrl(fileId, { disposition: 'attachment' });
      announce(texts.downloading(fileName));
      if (link === null || link.headers !== undefined) saveAs(fileName, await files.download(fileId));
      // In a frame of its own: navigating to an attachment or to an error of the bucket would stop the uploads.
      else find(document, '#downloads', HTMLIFrameElement).src = link.presignedUrl;
    } catch (error) {
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

/** No frame can send the headers of a file with a key of its own, or the token, so the page reads it whole. */
function saveAs(fileName: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = fileName;
  link.click();
  // The browser has the content by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
