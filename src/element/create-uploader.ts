import { createSignpost, type Limits, type Signpost, type SignpostOptions } from '../client/create-signpost.ts';
import {
  type BeforeUpload,
  createUploadQueue,
  type FileSource,
  type QueueFileOptions,
  type QueueItem,
} from '../client/queue/create-upload-queue.ts';
import { SignpostError } from '../client/signpost-error.ts';
import { ANY_TYPE } from '../page/describe-limits.ts';
import { acceptsFile } from './accepts-file.ts';
import type { UploaderEvents } from './uploader-events.ts';
import type { UploaderTexts } from './uploader-texts.ts';
import { createUploaderView } from './uploader-view.ts';

/** The element, with its current attributes and properties. */
export type Host = HTMLElement & {
  token: SignpostOptions['token'];
  uploadOptions: QueueFileOptions | undefined;
  beforeUpload: BeforeUpload | undefined;
  texts: UploaderTexts;
};

/** The limits while the service has not answered: only those of the attributes. */
const NO_LIMITS: Limits = {
  maxBytes: Number.MAX_SAFE_INTEGER,
  contentTypes: [ANY_TYPE],
  methods: [],
  multipartThresholdBytes: 0,
  quota: { bytes: null, files: null, usedBytes: null, usedFiles: null },
};

/** Everything that the element does; `signpost-uploader.ts` has its class. */
export function createUploader(host: Host, internals: ElementInternals) {
  let client: { endpoint: string; token: Host['token']; signpost: Signpost } | null = null;
  let isDisabledByForm = false;
  let limitsAsked = 0;
  let limitsOf: { key: string; token: Host['token'] } | null = null;
  let limits: Limits | null = null;
  let value = '';
  let sentAs: string | null = null;
  let uploadedNames: string[] = [];
  let wasBusy = false;

  const tell = <Name extends keyof UploaderEvents>(name: Name, detail: UploaderEvents[Name]['detail']) =>
    host.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  const numberOf = (name: string) => Number(host.getAttribute(name)) || Number.POSITIVE_INFINITY;
  const accept = () => host.getAttribute('accept') ?? '';
  const isMultiple = () => host.hasAttribute('multiple');

  const signpost = (): Signpost => {
    const endpoint = host.getAttribute('endpoint');
    const { token } = host;
    if (!endpoint) throw refusal('no-endpoint', 0, host.texts.noEndpoint);
    if (client?.endpoint !== endpoint || client.token !== token) {
      client = { endpoint, token, signpost: createSignpost({ url: endpoint, token }) };
    }
    return client.signpost;
  };
  const askLimits = async (documentType: string | undefined): Promise<Limits> => {
    const given = await signpost().limits({ documentType });
    return { ...given, maxBytes: Math.min(given.maxBytes, numberOf('max-bytes')) };
  };

  const queue = createUploadQueue({
    signpost: {
      upload: (file, options) => signpost().upload(file, options),
      limits: ({ documentType } = {}) =>
        askLimits(documentType).catch(() => ({ ...NO_LIMITS, maxBytes: numberOf('max-bytes') })),
    },
    beforeUpload: (file, context) => {
      signpost();
      const { fileName, contentType } = context.item;
      if (acceptsFile(accept(), fileName, contentType)) return host.beforeUpload?.(file, context);
      throw refusal('content-type-not-allowed', 415, host.texts.notAccepted(accept()));
    },
    onDone: (file, item) => {
      uploadedNames.push(item.fileName);
      tell('signpost-uploaded', { file, item });
    },
    onFailed: (error, item) => {
      view.announce(host.texts.failed(item.fileName, host.texts.error(error)));
      tell('signpost-failed', { error, item });
    },
  });
  const items = (): readonly QueueItem[] => queue.getSnapshot().items;
  const remove = (chosen: readonly QueueItem[]) => {
    queue.remove(chosen.map(({ id }) => id));
    for (const item of chosen) tell('signpost-removed', { file: item.stored, item });
  };

  const add = async (source: FileSource): Promise<void> => {
    view.complain('');
    const { recordId, documentType } = optionsOf(host);
    const ids = await queue.add(source, { ...host.uploadOptions, recordId, documentType });
    view.announce(host.texts.added(ids.length));
  };
  const view = createUploaderView(() => host.texts, {
    add: (source) => void add(source),
    item: {
      pause: queue.pause,
      resume: queue.resume,
      retry: queue.retry,
      remove: (id) => remove(items().filter((item) => item.id === id)),
    },
    pauseAll: () => queue.pause(),
    resumeAll: () => queue.resume(),
    removeAll: () => remove(items()),
  });

  /** Removes items beyond the limit. Without `multiple`, a new file replaces the earlier one. */
  const removeSurplus = (): boolean => {
    const all = items();
    const most = numberOf('max-files');
    const surplus = isMultiple() ? all.slice(most) : all.slice(0, -1);
    if (surplus.length === 0) return false;
    if (isMultiple()) view.complain(host.texts.tooMany(most));
    remove(surplus);
    return true;
  };
  const stored = () => items().flatMap((item) => item.stored ?? []);
  /** What the form sends, and whether it may. */
  const updateForm = () => {
    const name = host.getAttribute('name');
    const ids = stored().map(({ fileId }) => fileId);
    const isChanged = ids.join() !== value;
    if (isChanged || name !== sentAs) {
      const data = new FormData();
      for (const id of ids) if (name) data.append(name, id);
      internals.setFormValue(name ? data : null);
    }
    value = ids.join();
    sentAs = name;
    const { waiting, running, paused, failed } = queue.getSnapshot().totals;
    const { valueMissing, stillUploading, someFailed } = host.texts;
    const unfinished = waiting + running + paused > 0 ? stillUploading : failed > 0 && someFailed;
    if (unfinished) internals.setValidity({ customError: true }, unfinished, view.choose);
    else if (ids.length === 0 && host.hasAttribute('required'))
      internals.setValidity({ valueMissing: true }, valueMissing, view.choose);
    else internals.setValidity({});
    if (isChanged) host.dispatchEvent(new Event('change', { bubbles: true }));
  };
  const showLimits = async () => {
    const question = ++limitsAsked;
    // Without an answer, the limits are met when an upload begins.
    const answer = await askLimits(optionsOf(host).documentType).catch(() => null);
    if (question !== limitsAsked) return;
    limits = answer;
    drawOptions();
  };
  /**
   * Asks for the limits again if they may have changed, after the running code has set all attributes and properties.
   */
  const refreshLimits = () => {
    const endpoint = host.getAttribute('endpoint');
    if (!host.isConnected || !endpoint) return;
    const key = JSON.stringify([endpoint, optionsOf(host).documentType, numberOf('max-bytes')]);
    if (limitsOf?.key === key && limitsOf.token === host.token) return;
    limitsOf = { key, token: host.token };
    setTimeout(showLimits);
  };
  const drawOptions = () => {
    const types = accept()
      .split(',')
      .flatMap((type) => type.trim() || []);
    const contentTypes = types.length > 0 ? types : (limits?.contentTypes ?? [ANY_TYPE]);
    view.drawLimits(limits === null ? '' : host.texts.limits({ ...limits, contentTypes }));
    view.drawOptions({
      multiple: isMultiple(),
      directory: host.hasAttribute('directory'),
      disabled: isDisabledByForm,
      accept: contentTypes.includes(ANY_TYPE) ? '' : contentTypes.join(),
    });
  };
  const update = () => {
    if (removeSurplus()) return;
    const snapshot = queue.getSnapshot();
    view.draw(snapshot);
    updateForm();
    if (uploadedNames.length > 0) view.announce(host.texts.uploaded(uploadedNames));
    uploadedNames = [];
    const isBusy = snapshot.totals.waiting + snapshot.totals.running > 0;
    if (wasBusy && !isBusy && limits !== null && (limits.quota.bytes ?? limits.quota.files) !== null) void showLimits();
    wasBusy = isBusy;
  };
  queue.subscribe(update);
  host.addEventListener('paste', ({ clipboardData }) => {
    if (!isDisabledByForm && clipboardData?.types.includes('Files')) void add(clipboardData);
  });

  return {
    add,
    queue,
    stored,
    elements: view.elements,
    /** The element is in a page now, or one of its attributes or properties has changed. */
    refresh: (): void => {
      view.complain(host.isConnected && !host.getAttribute('endpoint') ? host.texts.noEndpoint : '');
      drawOptions();
      view.redraw(queue.getSnapshot());
      updateForm();
      refreshLimits();
    },
    setDisabled: (isDisabled: boolean): void => {
      isDisabledByForm = isDisabled;
      drawOptions();
    },
    /** Stops unfinished uploads: the page no longer shows them. */
    abandon: (): void => queue.remove(items().flatMap(({ id, status }) => (status === 'done' ? [] : id))),
  };
}

function optionsOf(host: Host): Pick<QueueFileOptions, 'recordId' | 'documentType'> {
  const read = (name: string, fallback: string | undefined) => host.getAttribute(name) ?? fallback;
  const { recordId, documentType } = host.uploadOptions ?? {};
  return { recordId: read('record-id', recordId), documentType: read('document-type', documentType) };
}

function refusal(code: string, status: number, detail: string): SignpostError {
  return new SignpostError({ code, status, detail, retryable: false });
}
