import type { SignpostOptions, StoredFile } from '../client/create-signpost.ts';
import type {
  BeforeUpload,
  FileSource,
  QueueFileOptions,
  QueueItem,
  UploadQueue,
} from '../client/queue/create-upload-queue.ts';
import { createUploader } from './create-uploader.ts';
import type { UploaderEvents } from './uploader-events.ts';
import { UPLOADER_STYLE } from './uploader-style.ts';
import { UPLOADER_TEXTS, type UploaderTexts } from './uploader-texts.ts';

export type {
  BeforeUpload,
  FileSource,
  QueueFileOptions,
  QueueItem,
  StoredFile,
  UploaderEvents,
  UploaderTexts,
  UploadQueue,
};
export { UPLOADER_TEXTS };

/** Servers have no elements, but import the module where they render pages. */
const Base = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/**
 * `<signpost-uploader>`: a drop zone and a list of uploads, whose file ids a form submits. `docs/element.md` has its
 * attributes, events, parts and CSS variables. Importing this module defines the element.
 * @example <signpost-uploader endpoint="https://files.example.com" name="photos" accept="image/*" multiple>
 */
export class SignpostUploader extends Base {
  static readonly formAssociated = true;
  static readonly observedAttributes: readonly string[] = [
    'endpoint',
    'name',
    'record-id',
    'document-type',
    'accept',
    'max-bytes',
    'max-files',
    'multiple',
    'directory',
    'required',
  ];

  // Declared only: a field would replace what the page has set before the element was defined.
  /** For every file: metadata, checksum, encryption. The attributes `record-id` and `document-type` override it. */
  declare uploadOptions: QueueFileOptions | undefined;
  /** Called before each file is sent: to check it, to rename it, or to replace it. */
  declare beforeUpload: BeforeUpload | undefined;
  #token: SignpostOptions['token'];
  #texts = UPLOADER_TEXTS;
  readonly #internals = this.attachInternals();
  readonly #uploader: ReturnType<typeof createUploader>;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    const style = new CSSStyleSheet();
    style.replaceSync(UPLOADER_STYLE);
    root.adoptedStyleSheets = [style];
    this.#internals.role = 'group';
    this.#uploader = createUploader(this, this.#internals);
    root.append(...this.#uploader.elements);
    // What was set before would hide the accessors.
    for (const name of ['token', 'texts'] as const) {
      const early = Object.getOwnPropertyDescriptor(this, name);
      if (early === undefined) continue;
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, early.value);
    }
  }

  /** The bearer token, or a function that returns it. Default: the page's cookies. */
  get token(): SignpostOptions['token'] {
    return this.#token;
  }
  set token(token: SignpostOptions['token']) {
    this.#token = token;
    this.#uploader.refresh();
  }

  /** What the element says. Setting it replaces the texts that are given, and leaves the others in English. */
  get texts(): UploaderTexts {
    return this.#texts;
  }
  set texts(texts: Partial<UploaderTexts>) {
    this.#texts = { ...UPLOADER_TEXTS, ...texts };
    this.#uploader.refresh();
  }

  /** The uploads themselves: their states, and all that can be done with them. */
  get queue(): UploadQueue {
    return this.#uploader.queue;
  }

  /** The confirmed files in the list, whose ids a form submits. */
  get files(): StoredFile[] {
    return this.#uploader.stored();
  }

  /** Adds files, as a drop does. */
  add(source: FileSource): Promise<void> {
    return this.#uploader.add(source);
  }

  // As every form control has them (HTML standard, section 4.10.20.3).
  get form(): HTMLFormElement | null {
    return this.#internals.form;
  }
  get validity(): ValidityState {
    return this.#internals.validity;
  }
  get validationMessage(): string {
    return this.#internals.validationMessage;
  }
  checkValidity(): boolean {
    return this.#internals.checkValidity();
  }
  reportValidity(): boolean {
    return this.#internals.reportValidity();
  }

  connectedCallback(): void {
    this.#uploader.refresh();
  }
  attributeChangedCallback(): void {
    if (this.isConnected) this.#uploader.refresh();
  }
  disconnectedCallback(): void {
    // Moved to another place, it is connected again at once.
    setTimeout(() => this.isConnected || this.#uploader.abandon());
  }
  formDisabledCallback(isDisabled: boolean): void {
    this.#uploader.setDisabled(isDisabled);
  }
  formResetCallback(): void {
    this.#uploader.queue.remove();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'signpost-uploader': SignpostUploader;
  }
  interface HTMLElementEventMap extends UploaderEvents {}
}

if (globalThis.customElements?.get('signpost-uploader') === undefined) {
  globalThis.customElements?.define('signpost-uploader', SignpostUploader);
}
