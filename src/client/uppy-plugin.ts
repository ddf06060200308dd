import { cleanText } from './clean-text.ts';
import type { Signpost } from './create-signpost.ts';
import type { SignpostError } from './signpost-error.ts';
import type { Upload, UploadOptions } from './upload.ts';

/** What the plugin needs of Uppy's files, after the types of `@uppy/core` 5 and 6. */
type UppyFile = {
  id: string;
  name?: string | undefined;
  type?: string | undefined;
  /** No `Blob` if the file is on another server, or if Golden Retriever could not restore it. */
  data?: unknown;
  meta: object;
  isPaused?: boolean;
  isRestored?: boolean;
  error?: string | null;
  progress: { uploadStarted?: number | null; uploadComplete?: boolean };
};

type Capabilities = { uploadProgress: boolean; individualCancellation: boolean; resumableUploads: boolean };

/** What the plugin needs of Uppy itself. */
type Uppy = {
  getFile(id: string): UppyFile | undefined;
  getState(): { capabilities: Capabilities };
  setState(patch: { capabilities: Capabilities }): void;
  addUploader(uploader: (fileIds: string[]) => Promise<void>): void;
  removeUploader(uploader: (fileIds: string[]) => Promise<void>): void;
  on(event: string, listener: (...values: never[]) => void): unknown;
  off(event: string, listener: (...values: never[]) => void): unknown;
  emit(event: string, ...values: unknown[]): void;
};

export type UppyOptions = {
  /** The client that uploads, with its options: also how many files and parts at once. */
  signpost: Pick<Signpost, 'upload'>;
  /** The fields of Uppy's metadata that are sent. Default: all that are texts, numbers or booleans. */
  allowedMetaFields?: readonly string[] | undefined;
  /** Uppy's name of the plugin. Default `Signpost`. */
  id?: string | undefined;
};

/**
 * The uploader for Uppy 5 and 6, instead of `@uppy/aws-s3`: in one piece or in parts, with renewed URLs. A file is
 * complete when the service has confirmed it, and its stored file is `response.body`; a refused file has Uppy's own
 * error, and its `upload-error` a `SignpostError`. In Uppy's metadata, `name`, `recordId` and `documentType` are those
 * of `UploadOptions`; the rest becomes the file's metadata, with names in lower case.
 * @example uppy.use(SignpostUppy, { signpost: createSignpost({ url, token }) });
 */
export class SignpostUppy<Host extends Uppy> {
  readonly uppy: Host;
  readonly opts: UppyOptions;
  readonly id: string;
  readonly type = 'uploader';
  readonly #uploads = new Map<string, Upload>();
  /** Files whose bytes are in the bucket, and whose outcome is not known. */
  readonly #sent = new Map<string, { data: Blob; options: string; objectKey: string }>();

  constructor(uppy: Host, opts: UppyOptions) {
    if (typeof opts?.signpost?.upload !== 'function') throw new TypeError('signpost must come from createSignpost');
    this.uppy = uppy;
    this.opts = opts;
    this.id = opts.id ?? 'Signpost';
  }

  /** Called by Uppy. */
  install(): void {
    const { uppy } = this;
    uppy.setState({ capabilities: { ...uppy.getState().capabilities, resumableUploads: true } });
    uppy.addUploader(this.#upload);
    for (const [event, listener] of this.#listeners) uppy.on(event, listener);
  }

  /** Called by Uppy. Aborts running uploads. */
  uninstall(): void {
    const { uppy } = this;
    uppy.setState({ capabilities: { ...uppy.getState().capabilities, resumableUploads: false } });
    uppy.removeUploader(this.#upload);
    for (const [event, listener] of this.#listeners) uppy.off(event, listener);
    for (const id of this.#uploads.keys()) this.#abort(id);
  }

  readonly #upload = async (fileIds: string[]): Promise<void> => {
    const files = fileIds.flatMap((id) => this.uppy.getFile(id) ?? []);
    const waiting = files.filter(({ error, progress }) => !error && !progress.uploadComplete);
    // Like Uppy's own uploaders, do not announce a restored file again: its progress would start at 0.
    const toAnnounce = waiting.filter(({ isRestored, progress }) => !(isRestored && progress.uploadStarted));
    this.uppy.emit('upload-start', toAnnounce);
    await Promise.all(waiting.map((file) => this.#uploadOne(file)));
  };

  async #uploadOne({ id }: UppyFile): Promise<void> {
    const { uppy } = this;
    const file = uppy.getFile(id);
    if (file === undefined) return;
    const { data } = file;
    let upload: Upload | undefined;
    try {
      if (!(data instanceof Blob)) throw new Error('The file is not on this device. Choose it again.');
      const uploadStarted = file.progress.uploadStarted ?? Date.now();
      const uploadOptions = toUploadOptions(file, this.opts.allowedMetaFields);
      const options = JSON.stringify(uploadOptions);
      const sent = this.#sent.get(id);
      upload = this.opts.signpost.upload(data, {
        ...uploadOptions,
        // Not if the file was edited since, or is for another record.
        objectKey: sent?.data === data && sent.options === options ? sent.objectKey : undefined,
        onState: (state) => {
          if ('objectKey' in state) this.#sent.set(id, { data, options, objectKey: state.objectKey });
        },
        onProgress: ({ sentBytes, totalBytes }) => {
          const progress = { uploadStarted, bytesUploaded: sentBytes, bytesTotal: totalBytes };
          if (this.#uploads.get(id) === upload) uppy.emit('upload-progress', uppy.getFile(id), progress);
        },
      });
      this.#uploads.set(id, upload);
      if (file.isPaused) upload.pause();
      const body = await upload;
      this.#sent.delete(id);
      const uploadURL = body.publicFileUrl ?? undefined;
      uppy.emit('upload-success', uppy.getFile(id), { status: 200, body, uploadURL });
    } catch (error) {
      // The outcome is known: the file itself was refused. Another try sends it again.
      if (isSignpostError(error) && error.status === 422) this.#sent.delete(id);
      // Without an entry, the file was removed or cancelled: there is no one to tell.
      if (upload !== undefined && this.#uploads.get(id) !== upload) return;
      uppy.emit('upload-error', uppy.getFile(id), withDetails(error));
    } finally {
      if (this.#uploads.get(id) === upload) this.#uploads.delete(id);
    }
  }

  #abort(id: string): void {
    const upload = this.#uploads.get(id);
    this.#uploads.delete(id);
    this.#sent.delete(id);
    void upload?.abort();
  }

  readonly #setPaused = (upload: Upload | undefined, isPaused: boolean) =>
    isPaused ? upload?.pause() : upload?.resume();
  readonly #setAllPaused = (isPaused: boolean) => {
    for (const upload of this.#uploads.values()) this.#setPaused(upload, isPaused);
  };
  // Cancelling removes each file, too.
  readonly #listeners = Object.entries({
    'file-removed': ({ id }: UppyFile) => this.#abort(id),
    'upload-pause': (file: UppyFile | undefined, isPaused: boolean) =>
      this.#setPaused(this.#uploads.get(file?.id ?? ''), isPaused),
    'pause-all': () => this.#setAllPaused(true),
    'resume-all': () => this.#setAllPaused(false),
  });

  // The rest of Uppy's BasePlugin: this plugin has no state in Uppy's store, no texts and no element.
  readonly VERSION = '1';
  readonly defaultLocale = { strings: {} };
  readonly i18n = (key: string): string => key;
  readonly i18nArray = (key: string): string[] => [key];
  getPluginState(): Record<string, unknown> {
    return {};
  }
  setPluginState(): void {}
  setOptions(options: Partial<UppyOptions>): void {
    Object.assign(this.opts, options);
  }
  i18nInit(): void {}
  addTarget(): null {
    return null;
  }
  update(): void {}
  afterUpdate(): void {}
}

/** Uppy shows `message` and `details`: the reasons that the message does not name. */
function withDetails(error: unknown): unknown {
  if (!isSignpostError(error)) return error;
  const reasons = error.errors.filter(({ message }) => !error.detail.includes(message));
  return Object.assign(error, { details: reasons.map(({ path, message }) => `${path} ${message}`).join(', ') });
}

/** Looks at the name, because the class is in another bundle, the client's. */
function isSignpostError(error: unknown): error is SignpostError {
  return error instanceof Error && error.name === 'SignpostError';
}

function toUploadOptions(file: UppyFile, allowedMetaFields?: readonly string[]): UploadOptions {
  const { name, type: _, recordId, documentType, ...rest } = file.meta as Record<string, unknown>;
  const pairs = Object.entries(rest).flatMap(([field, value]) => {
    const text = allowedMetaFields?.includes(field) === false ? undefined : toText(value);
    return text === undefined ? [] : [[field.toLowerCase(), cleanText(text.replace(/[\r\n\t]+/g, ' '))]];
  });
  return {
    fileName: toText(name) ?? file.name,
    contentType: file.type || undefined,
    recordId: toText(recordId),
    documentType: toText(documentType),
    metadata: Object.fromEntries(pairs),
  };
}

/** undefined for what is empty or no plain value. */
function toText(value: unknown): string | undefined {
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) || undefined : undefined;
}
