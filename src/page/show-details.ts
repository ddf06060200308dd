import type { FileEvent, StoredFile } from '../client/create-signpost.ts';
import { copyTemplate, find, setText } from './dom.ts';
import { explain } from './explain.ts';
import { formatTime } from './format.ts';
import { showHeading } from './show-name.ts';
import { texts } from './texts.ts';

type DetailsActions = {
  rename: (file: StoredFile, fileName: string) => Promise<StoredFile>;
  events: (fileId: string) => Promise<FileEvent[]>;
  /** Gives the focus to the file's row. */
  focus: (fileId: string) => void;
} & Record<'download' | 'archive' | 'restore' | 'remove', (file: StoredFile) => void>;

/** The panel with all that is known of a file, and what can be done with it. */
export function createDetails(actions: DetailsActions) {
  const dialog = find(document, '#details', HTMLDialogElement);
  const form = find(dialog, 'form', HTMLFormElement);
  const name = find(form, 'input', HTMLInputElement);
  const problem = find(form, '.problem', HTMLElement);
  const facts = find(dialog, 'dl', HTMLElement);
  const events = find(dialog, '.events', HTMLElement);
  let shown: StoredFile | null = null;

  const render = (file: StoredFile) => {
    shown = file;
    showHeading(find(dialog, 'h2', HTMLElement), file.fileName);
    name.value = file.fileName;
    form.hidden = file.status === 'rejected';
    setText(problem, '');
    facts.replaceChildren(...texts.facts(describe(file)).flatMap(([term, text]) => toEntry(term, text)));
    for (const [action, isPossible] of [
      ['download', file.status === 'active'],
      ['archive', file.status === 'active'],
      ['restore', file.status === 'archived'],
    ] as const) {
      find(dialog, `.${action}`, HTMLButtonElement).hidden = !isPossible;
    }
  };

  const renderEvents = async ({ fileId }: StoredFile) => {
    setText(events, texts.loading);
    let lines: string[];
    try {
      lines = (await actions.events(fileId)).map(
        ({ at, action, outcome, actorId }) =>
          `${formatTime(at)} · ${action}${outcome === 'ok' ? '' : ` (${outcome})`} · ${actorId}`,
      );
    } catch (error) {
      lines = [explain(error)];
    }
    if (shown?.fileId !== fileId) return;
    events.replaceChildren(
      ...(lines.length > 0 ? lines : [texts.noEvents]).map((line) => {
        const item = document.createElement('li');
        item.textContent = line;
        return item;
      }),
    );
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const file = shown;
    if (file === null || name.value === file.fileName) return;
    setText(problem, '');
    try {
      const renamed = await actions.rename(file, name.value);
      if (shown === file) render(renamed);
    } catch (error) {
      if (shown === file) setText(problem, explain(error));
    }
  });
  for (const action of ['download', 'archive', 'restore', 'remove'] as const) {
    find(dialog, `.${action}`, HTMLButtonElement).addEventListener('click', () => {
      const file = shown;
      if (action !== 'download') dialog.close();
      if (file !== null) actions[action](file);
    });
  }
  dialog.addEventListener('close', () => {
    // A file that was renamed has another row. The browser knows only the former one, and leaves the focus here, or on
    // the body if it has drawn the page since.
    const focused = document.activeElement;
    if (shown !== null && (focused === document.body || dialog.contains(focused))) actions.focus(shown.fileId);
    shown = null;
  });
  dialog.addEventListener('click', ({ target }) => target === dialog && dialog.close());
  find(dialog, '.close', HTMLButtonElement).addEventListener('click', () => dialog.close());

  return (file: StoredFile): void => {
    render(file);
    dialog.showModal();
    void renderEvents(file);
  };
}

/** What is known of it, as text; null: not known. */
function describe(file: StoredFile) {
  const metadata = Object.entries(file.metadata).map(([key, value]) => `${key}: ${value}`);
  return {
    size: texts.exactSize(file.size),
    type: file.contentType,
    detectedType: file.detectedContentType,
    status:
      file.status === 'rejected' ? texts.rejected(file.rejection ?? texts.rejectedWhy) : texts.statuses[file.status],
    created: formatTime(file.createdAt),
    checksum: file.checksumSha256,
    etag: file.etag,
    encryption: file.encryption === null ? null : texts.encryptedBySender,
    recordId: file.recordId,
    documentType: file.documentType,
    metadata: metadata.length > 0 ? metadata.join('\n') : null,
    receipt: file.receipt ?? null,
    fileId: file.fileId,
    objectKey: file.objectKey,
  };
}

/** A longer fact, such as a receipt, is folded: it would push all else out of view. */
const SHORT_LENGTH = 300;

function toEntry(term: string, text: string): HTMLElement[] {
  const [name, value] = [document.createElement('dt'), document.createElement('dd')];
  name.textContent = term;
  if (text.length > SHORT_LENGTH) value.append(fold(text));
  else value.textContent = text;
  return [name, value];
}

function fold(text: string): HTMLElement {
  const folded = copyTemplate('folded');
  find(folded, 'p', HTMLElement).textContent = text;
  const copy = find(folded, 'button', HTMLButtonElement);
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      setText(copy, texts.copied);
    } catch {
      // Without TLS, or forbidden: the text can be selected.
      setText(copy, texts.notCopied);
    }
  });
  return folded;
}
