import type { Files, StoredFile } from '../client/create-signpost.ts';
import { decodeText } from './decode-text.ts';
import { MAX_WHOLE_BYTES } from './download-file.ts';
import { kindOf } from './file-kind.ts';
import { formatBytes } from './format.ts';
import { texts } from './texts.ts';

/** How many bytes of a text are shown. */
const MAX_TEXT_BYTES = 256 * 1024;

/** The lifetime of a video's URL, which is read as long as it plays. */
const URL_TTL_SECONDS = 3600;

/** What is shown of a file: an element of this kind, or a sentence why not. */
export type Preview = { kind: string; content: HTMLElement; release: () => void } | { note: string };

/**
 * Makes the element that shows a file's content and never runs it.
 * @param throughService the service presigns no downloads (`PROXY_DOWNLOADS=only`).
 * @throws the SDK's errors.
 */
export async function readPreview(
  files: Pick<Files, 'download' | 'downloadUrl'>,
  file: StoredFile,
  throughService: boolean,
): Promise<Preview> {
  if (file.encryption !== null) return { note: texts.encrypted };
  const kind = kindOf(file.contentType, file.fileName);
  const isFrameless = kind === 'pdf' && !navigator.pdfViewerEnabled;
  if (kind === 'archive' || kind === 'other' || isFrameless) return { note: texts.noPreview };
  if (file.size === 0) return { note: texts.empty };
  if (kind === 'text') {
    const blob = await files.download(file.fileId, { end: Math.min(file.size, MAX_TEXT_BYTES) });
    const text = decodeText(new Uint8Array(await blob.arrayBuffer()), blob.size === file.size);
    return { kind, content: toText(text, file.size), release: () => {} };
  }
  const link = { disposition: 'inline', expiresIn: URL_TTL_SECONDS } as const;
  const ticket = throughService ? null : await files.downloadUrl(file.fileId, link);
  if (ticket !== null && ticket.headers === undefined) {
    return { kind, content: embed(kind, ticket.presignedUrl, file.fileName), release: () => {} };
  }
  if (file.size > MAX_WHOLE_BYTES) return { note: texts.tooLarge(formatBytes(MAX_WHOLE_BYTES)) };
  const bytes = await files.download(file.fileId);
  // The type is one of those above, so that the browser can never take the content for a page of this origin.
  const url = URL.createObjectURL(new Blob([bytes], { type: file.contentType }));
  return { kind, content: embed(kind, url, file.fileName), release: () => URL.revokeObjectURL(url) };
}

function embed(kind: 'image' | 'video' | 'audio' | 'pdf', url: string, name: string): HTMLElement {
  if (kind === 'image') {
    const image = document.createElement('img');
    image.alt = name;
    image.src = url;
    return image;
  }
  if (kind === 'pdf') {
    // No sandbox: the browser's PDF viewer refuses to work in one. The file is verified to be a PDF.
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

function toText(content: string, sizeBytes: number): HTMLElement {
  const text = document.createElement('pre');
  text.tabIndex = 0;
  text.textContent = content;
  if (sizeBytes > MAX_TEXT_BYTES) {
    text.append(`\n\n${texts.textEnds(formatBytes(MAX_TEXT_BYTES), formatBytes(sizeBytes))}`);
  }
  return text;
}
