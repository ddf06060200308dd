import type { AppTypes } from '../app-types.ts';
import { cleanText } from '../clean-text.ts';
import type { Signpost } from '../create-signpost.ts';
import type { SignpostError } from '../signpost-error.ts';
import type { Limits } from '../stored-file.ts';
import { checkLimits } from './check-limits.ts';
import { checkMetadata, type MetadataSchema } from './check-metadata.ts';
import type { Entry } from './queue-entry.ts';
import type { Prepared, QueueFileOptions, QueueItem } from './queue-item.ts';

/** How long the limits are reused. They change when the user removes files. */
const LIMITS_MS = 30_000;

/** Metadata names are lower case (`UploadOptions.metadata`). */
const PATH_FIELD = 'relative-path';

/**
 * Called before each file is sent: to check it, to rename it, or to replace it.
 * @returns what is sent instead, options for this file, or both (`file`); nothing leaves it as it is.
 * @throws anything to refuse the file: it becomes the item's `error`.
 */
export type BeforeUpload<App extends AppTypes = AppTypes> = (
  file: File | Blob,
  context: {
    item: QueueItem<App>;
    /** With the defaults of the queue and the path. */
    options: QueueFileOptions<App>;
    /** Aborted when the item is removed. */
    signal: AbortSignal;
  },
) => BeforeUploadResult<App> | Promise<BeforeUploadResult<App>>;

type BeforeUploadResult<App extends AppTypes> =
  | (File | Blob | (QueueFileOptions<App> & { file?: File | Blob | undefined }))
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that only checks returns nothing
  | (undefined | void);

export type PreparationOptions<App extends AppTypes = AppTypes> = {
  signpost: Pick<Signpost<App>, 'limits'>;
  beforeUpload?: BeforeUpload<App> | undefined;
  /** Checks each file's metadata after `beforeUpload`, without its path; what it returns is sent. */
  metadataSchema?: MetadataSchema<App> | undefined;
  now?: (() => number) | undefined;
};

/** What happens to a file before it is sent: the app's function, and the service's limits. */
export function createPreparation({ signpost, beforeUpload, metadataSchema, ...rest }: PreparationOptions) {
  const { now = () => performance.now() } = rest;
  const answers = new Map<string | undefined, { atMs: number; limits: Promise<Limits | null> }>();

  const limitsFor = (documentType: string | undefined) => {
    const known = answers.get(documentType);
    if (known !== undefined && now() - known.atMs < LIMITS_MS) return known.limits;
    // Without an answer the service decides when the upload begins.
    const limits = signpost.limits({ documentType }).catch(() => null);
    answers.set(documentType, { atMs: now(), limits });
    return limits;
  };
  const optionsFor = ({ relativePath }: QueueItem, options: QueueFileOptions): QueueFileOptions => {
    return relativePath === null
      ? options
      : { ...options, metadata: { [PATH_FIELD]: cleanText(relativePath), ...options.metadata } };
  };
  const describe = (file: File | Blob, item: QueueItem, options: QueueFileOptions): Prepared => {
    const ownName = file !== item.file && 'name' in file ? file.name : item.fileName;
    const { fileName = ownName, contentType = file.type || 'application/octet-stream' } = options;
    return { file, fileName, contentType, options: { ...options, fileName, contentType } };
  };
  const check = async ({ file, contentType, options }: Prepared): Promise<SignpostError | null> => {
    const limits = await limitsFor(options.documentType);
    return limits && checkLimits(limits, { ...options, size: file.size, contentType });
  };

  return {
    forgetLimits: () => answers.clear(),
    /** Why a file can never be sent, as far as that is certain before its turn; else null. */
    refuseEarly: async (item: QueueItem, options: QueueFileOptions) =>
      beforeUpload || !item.file ? null : check(describe(item.file, item, optionsFor(item, options))),
    prepare: async (file: File | Blob, { item, options: given, removed, objectKey }: Entry): Promise<Prepared> => {
      const options = optionsFor(item, given);
      const result = await beforeUpload?.(file, { item, options, signal: removed.signal });
      const { file: other = file, ...changes } = result instanceof Blob ? { file: result } : (result ?? {});
      const all = { ...options, ...changes };
      if (metadataSchema !== undefined) all.metadata = await withSchema(metadataSchema, all.metadata);
      const prepared = describe(other, item, all);
      // A file that may be stored already counts for the quota itself.
      const refusal = !objectKey && (await check(prepared));
      if (refusal) throw refusal;
      return prepared;
    },
  };
}

/** The path is the queue's own field, and no field of the app's schema. */
async function withSchema(schema: MetadataSchema, metadata: QueueFileOptions['metadata'] = {}) {
  const { [PATH_FIELD]: path, ...own } = metadata;
  return { ...(path !== undefined && { [PATH_FIELD]: path }), ...(await checkMetadata(schema, own)) };
}
