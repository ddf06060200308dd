import type { QueueItem } from '../client/queue/queue-item.ts';
import { canTryAgain } from '../client/signpost-error.ts';
import { setText } from '../page/dom.ts';
import { build, buildButton, buildIcon, changeIcon } from './build-element.ts';
import type { UploaderTexts } from './uploader-texts.ts';

export type RowActions = Record<'pause' | 'resume' | 'retry' | 'remove', (id: string) => void>;

export type UploaderRow = ReturnType<typeof createUploaderRow>;

/** One file in the list. */
export function createUploaderRow(first: QueueItem, texts: () => UploaderTexts, actions: RowActions) {
  const { id } = first;
  const name = build('p', { part: 'name', class: 'name' });
  const progress = build('progress', { part: 'progress', max: '1', value: '0' });
  const status = build('p', { part: 'status', class: 'status' });
  const retry = buildButton('button retry');
  const pauseIcon = buildIcon('pause');
  const pause = buildButton('icon-button pause', [pauseIcon]);
  const remove = buildButton('icon-button remove', [buildIcon('remove')]);
  const preview = createPreview(first);
  const element = build('li', { part: 'item', class: 'item' }, [
    preview.element,
    build('div', { class: 'what' }, [name, progress, status]),
    build('div', { class: 'actions' }, [retry, pause, remove]),
  ]);
  let drawn: QueueItem | null = null;

  const draw = (item: QueueItem) => {
    if (item === drawn) return;
    setText(status, item.status === 'failed' ? texts().error(item.error) : texts().status(item));
    progress.value = item.totalBytes === 0 ? 0 : item.sentBytes / item.totalBytes;
    if (item.status !== drawn?.status || item.fileName !== drawn.fileName) drawState(item);
    drawn = item;
  };
  const drawState = ({ status, fileName, error }: QueueItem) => {
    const isPaused = status === 'paused';
    const isOver = status === 'done' || status === 'failed';
    const hadFocus = pause.matches(':focus') || retry.matches(':focus');
    element.dataset.state = status;
    element.part.value = `item ${status}`;
    setText(name, fileName);
    progress.setAttribute('aria-label', texts().progressOf(fileName));
    progress.hidden = isOver;
    retry.hidden = !(status === 'failed' && canTryAgain(error));
    setText(retry, texts().retry(null));
    retry.setAttribute('aria-label', texts().retry(fileName));
    pause.hidden = isOver;
    changeIcon(pauseIcon, isPaused ? 'resume' : 'pause');
    pause.setAttribute('aria-label', isPaused ? texts().resume(fileName) : texts().pause(fileName));
    remove.setAttribute('aria-label', texts().remove(fileName));
    // A button that goes would take the focus along.
    if (hadFocus) [retry, pause, remove].find((button) => !button.hidden)?.focus();
  };

  retry.addEventListener('click', () => actions.retry(id));
  pause.addEventListener('click', () => actions[drawn?.status === 'paused' ? 'resume' : 'pause'](id));
  remove.addEventListener('click', () => actions.remove(id));
  draw(first);
  return {
    element,
    draw,
    /** Draws it again, with other texts. */
    redraw: (item: QueueItem) => {
      drawn = null;
      draw(item);
    },
    focus: () => remove.focus(),
    forget: preview.forget,
  };
}

/** The picture of a file, if it is one that the browser can show; else an icon. */
function createPreview({ file }: QueueItem) {
  const element = build('span', { part: 'preview', class: 'preview' }, [buildIcon('file')]);
  if (file === null || !file.type.startsWith('image/')) return { element, forget: () => {} };
  const url = URL.createObjectURL(file);
  const image = build('img', { src: url, alt: '', decoding: 'async' });
  // An image of a type that the browser does not know, or a policy without `img-src blob:`.
  image.addEventListener('error', () => image.remove());
  element.append(image);
  return { element, forget: () => URL.revokeObjectURL(url) };
}
