import { createFiles, createSignpost, type StoredFile } from '../client/create-signpost.ts';
import { acceptFiles } from './accept-files.ts';
import { createAnnouncer } from './announcer.ts';
import { createDeletion } from './delete-files.ts';
import { find } from './dom.ts';
import { createDownload } from './download-file.ts';
import { explain } from './explain.ts';
import { createFileList } from './file-list.ts';
import { fillTexts } from './fill-texts.ts';
import { readPreview } from './read-preview.ts';
import { rememberUploads } from './remember-uploads.ts';
import { createDetails } from './show-details.ts';
import { createLimitsNote } from './show-limits.ts';
import { createNotice } from './show-notice.ts';
import { createPreview } from './show-preview.ts';
import { createSignIn } from './sign-in.ts';
import { texts } from './texts.ts';
import { createThumbnails } from './thumbnails.ts';
import { createUploadList, type UploadList } from './upload-list.ts';

fillTexts();
const signIn = createSignIn();
const announce = createAnnouncer(find(document, '#announcer', HTMLElement));
const notify = createNotice(announce);
const throughService = find(document, 'meta[name=signpost-downloads]', HTMLMetaElement).content === 'service';
const options = { url: location.origin, token: signIn.token, onUnauthorized: signIn.renew };
const signpost = createSignpost(options);
// Few attempts: somebody waits, and can ask again.
const stored = createFiles({ ...options, throughService, maxAttempts: 3 });
// For requests that have to survive the page.
const lasting = createFiles({
  ...options,
  maxAttempts: 3,
  fetch: (input, init) => fetch(input, { ...init, keepalive: true }),
});

const { download, downloadAll } = createDownload(stored, throughService, announce, notify);

/** Changes files one by one, and shows them as they are then. */
const change = async (
  chosen: readonly StoredFile[],
  act: (fileId: string) => Promise<StoredFile>,
  say: (name: string) => string,
) => {
  for (const file of chosen) {
    try {
      files.replace(await act(file.fileId));
      notify(say(file.fileName));
    } catch (error) {
      notify(texts.notChanged(file.fileName, explain(error)));
    }
  }
};
const archive = (chosen: StoredFile[]) => change(chosen, stored.archive, texts.fileArchived);
const restore = (chosen: StoredFile[]) => change(chosen, stored.restore, texts.fileRestored);

const deletion = createDeletion(
  async (fileId) => {
    await lasting.remove(fileId);
    files.remove(fileId);
    void limits.show();
  },
  notify,
  () => files.render(),
);

const details = createDetails({
  download,
  events: stored.events,
  archive: (file) => archive([file]),
  restore: (file) => restore([file]),
  remove: (file) => deletion.delete([file]),
  focus: (fileId) => files.focus(fileId),
  rename: async (file, fileName) => {
    const renamed = await stored.update(file.fileId, { fileName });
    files.replace(renamed);
    announce(texts.renamed(renamed.fileName));
    return renamed;
  },
});
const thumbnails = createThumbnails(stored);
const preview = createPreview({
  download,
  details,
  read: async (file) => {
    const shown = await readPreview(stored, file, throughService);
    if ('content' in shown && shown.content instanceof HTMLImageElement) thumbnails.take(file, shown.content);
    return shown;
  },
  neighbour: (fileId, step) => files.neighbour(fileId, step),
});
const files = createFileList(
  stored,
  {
    preview,
    details,
    download,
    downloadAll,
    archive,
    restore,
    watch: thumbnails.watch,
    remove: deletion.delete,
    isHidden: deletion.isHidden,
  },
  announce,
);
const limits = createLimitsNote(signpost, files.setTotal);

let uploads: UploadList | null = null;
acceptFiles(async (source) => uploads?.add(source), notify);

signIn.onToken((owner) => {
  uploads = createUploadList(
    { signpost, memory: owner === null ? undefined : rememberUploads(owner, throughService) },
    {
      onStored: (arrived) => {
        for (const { stored, file } of arrived) thumbnails.offer(stored, file);
        files.prepend(arrived.map(({ stored }) => stored));
        limits.showSoon();
      },
      onIdle: () => void limits.show(),
    },
    announce,
  );
  void limits.show();
  void files.load();
});
