import type { DownloadUrl, Files, StoredFile } from '../client/create-signpost.ts';
import { find, setIcon, setText } from './dom.ts';
import { explain } from './explain.ts';
import { kindOf } from './file-kind.ts';
import { formatBytes } from './format.ts';

/** How many bytes of a text are shown. */
const MAX_TEXT_BYTES = 256 * 1024;

/** The lifetime of a video's URL, which is read as long as it plays. */
const URL_TTL_SECONDS = 3600;

/** The preview in a modal dialog. Shows a file's content and never runs it. */
export function createPreview(files: Pick<Files, 'downloadUrl'>, download: (file: StoredFile) => void) {
  const dialog = find(document, '#preview', HTMLDialogElement);
  const stage = find(dialog, '.stage', HTMLElement);
  const problem = find(dialog, '.problem', HTMLElement);
  let shown: StoredFile | null = null;

  const show = (content: Element, kind: string) => {
    stage.dataset.kind = kind;
    stage.replaceChildren(content);
  };
  const showNote = (file: StoredFile, text: string) => {
    const note = document.createElement('p');
    note.textContent = text;
    const tile = document.importNode(find(document, 'template#file-row', HTMLTemplateElement).content, true);
    const icon = find(tile, '.tile', HTMLElement);
    icon.dataset.kind = kindOf(file.contentType);
    setIcon(icon, kindOf(file.contentType));
    const box = document.createElement('div');
    box.append(icon, note);
    show(box, 'note');
  };

  const fill = async (file: StoredFile) => {
    if (file.encryption !== null) {
      showNote(file, 'The file is encrypted: this page has no key for it.');
      return;
    }
    const kind = kindOf(file.contentType);
    const isFrameless = kind === 'pdf' && !navigator.pdfViewerEnabled;
    if (kind === 'archive' || kind === 'other' || isFrameless) {
      showNote(file, 'There is no preview for files of this type.');
      return;
    }
    if (file.size === 0) {
      showNote(file, 'The file is empty.');
      return;
    }
    const source = await files.downloadUrl(file.fileId, { disposition: 'inline', expiresIn: URL_TTL_SECONDS });
    if (kind !== 'text' && source.headers !== undefined) {
      showNote(file, 'The file has a key of its own: download it to see it.');
      return;
    }
    const content = kind === 'text' ? await readText(source, file) : embed(kind, source.presignedUrl, file.fileName);
    if (shown !== file) return;
    content.addEventListener('error', () => showNote(file, 'This browser cannot show the file.'));
    show(content, kind);
  };

  dialog.addEventListener('close', () => {
    shown = null;
    // Otherwise media would keep playing in a closed dialog.
    stage.replaceChildren();
  });
  dialog.addEventListener('click', ({ target }) => target === dialog && dialog.close());
  find(dialog, '.close', HTMLButtonElement).addEventListener('click', () => dialog.close());
  find(dialog, '.download', HTMLButtonElement).addEventListener('click', () => shown && download(shown));

  return async (file: StoredFile): Promise<void> => {
    shown = file;
    setText(find(dialog, 'h2', HTMLElement), file.fileName);
    setText(find(dialog, '.meta', HTMLElement), `${formatBytes(file.size)} · ${file.contentType}`);
    setText(problem, '');
    stage.replaceChildren();
    stage.dataset.kind = 'loading';
    dialog.showModal();
    try {
      await fill(file);
    } catch (error) {
      if (shown !== file) return;
      stage.dataset.kind = 'note';
      setText(problem, explain(error));
    }
  };
}

function embed(kind: 'image' | 'video' | 'audio' | 'pdf', url: string, name: string): HTMLElement {
  if (kind === 'image') {
    const image = document.createElement('img');
    image.alt = name;
    image.src = url;
    return image;
  }
  if (kind === 'pdf') {
    // No sandbox: the browser's PDF viewer refuses to work in one. The file is on another origin and verified to be a
    // PDF.
    const frame = document.createElement('iframe');
    frame.title = name;
    // PDF Open Parameters (RFC 8118, section 3): shows the page without the thumbnails.
    frame.src = `${url}#navpanes=0`;
    return frame;
  }
  const player = document.createElement(kind);
  player.controls = true;
  player.setAttribute('aria-label', name);
  player.src = url;
  return player;
}

async function readText({ presignedUrl, headers }: DownloadUrl, { size }: StoredFile): Promise<HTMLElement> {
  const response = await fetch(presignedUrl, { headers: { ...headers, range: `bytes=0-${MAX_TEXT_BYTES - 1}` } });
  if (!response.ok) throw new Error(`The bucket answered ${response.status}.`);
  const text = document.createElement('pre');
  text.tabIndex = 0;
  text.textContent = await response.text();
  if (size > MAX_TEXT_BYTES) text.append(`\n\n… (the first ${formatBytes(MAX_TEXT_BYTES)} of ${formatBytes(size)})`);
  return text;
}
