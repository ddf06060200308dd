import { createFiles, createSignpost, type StoredFile } from '../client/create-signpost.ts';
import { acceptFiles } from './accept-files.ts';
import { createAnnouncer, createNotice } from './announcer.ts';
import { createDeleteDialog } from './confirm-delete.ts';
import { find } from './dom.ts';
import { explain } from './explain.ts';
import { createFileList } from './file-list.ts';
import { rememberInterrupted } from './interrupted.ts';
import { createLimitsNote } from './show-limits.ts';
import { createPreview } from './show-preview.ts';
import { createSignIn } from './sign-in.ts';
import { createUploadList } from './upload-list.ts';

const signIn = createSignIn();
const announce = createAnnouncer(find(document, '#announcer', HTMLElement));
const notify = createNotice(announce);
const options = { url: location.origin, token: signIn.token, onUnauthorized: signIn.renew };
const signpost = createSignpost(options);
// Few attempts: somebody waits, and can ask again.
const storedFiles = createFiles({ ...options, maxAttempts: 3 });

const showLimits = createLimitsNote(signpost);
const removeFile = createDeleteDialog(storedFiles);

const download = async (file: StoredFile) => {
  try {
    const { presignedUrl, headers } = await storedFiles.downloadUrl(file.fileId, { disposition: 'attachment' });
    if (headers !== undefined) {
      announce(`Downloading ${file.fileName}`);
      saveAs(file.fileName, await storedFiles.download(file.fileId));
      return;
    }
    // In a frame of its own: navigating to an attachment or to an error of the bucket would stop the uploads.
    find(document, '#downloads', HTMLIFrameElement).src = presignedUrl;
    announce(`Downloading ${file.fileName}`);
  } catch (error) {
    notify(`${file.fileName} cannot be downloaded. ${explain(error)}`);
  }
};

/** No frame can send the headers of a file with a key of its own, so the page reads it whole. */
function saveAs(fileName: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = fileName;
  link.click();
  // The browser has the content by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const files = createFileList(
  storedFiles,
  {
    preview: createPreview(storedFiles, download),
    download,
    remove: async (file) => {
      const isRemoved = await removeFile(file);
      if (isRemoved) void showLimits();
      return isRemoved;
    },
  },
  announce,
);
const onStored = (stored: StoredFile[]) => {
  files.prepend(stored);
  if (uploads.isIdle()) void showLimits();
};
const uploads = createUploadList(signpost, onStored, announce);
const interrupted = rememberInterrupted(uploads.unfinished);
acceptFiles((chosen) => {
  if (!signIn.isDone()) return;
  interrupted.forget(chosen);
  uploads.add(chosen);
}, notify);

signIn.onToken(() => {
  void showLimits();
  void files.load();
});
