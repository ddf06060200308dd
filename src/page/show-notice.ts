import type { Announce } from './announcer.ts';
import { find } from './dom.ts';
import { texts } from './texts.ts';

/** How long a notice stays, and one that can be undone. */
const SHOWN_MS = 8_000;
const UNDO_MS = 12_000;

/** `onGone` is called when the notice has gone without an undo. */
type Undo = { undo: () => void; onGone: () => void };

export type Notify = (message: string, undo?: Undo) => void;

/**
 * Shows a message for some seconds, and announces it: for what nothing else on the page shows. It stays as long as the
 * pointer or the focus is on it. Control+Z undoes, too.
 */
export function createNotice(announce: Announce): Notify {
  const notice = find(document, '#notice', HTMLElement);
  const text = find(notice, 'p', HTMLElement);
  const button = find(notice, 'button', HTMLButtonElement);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let current: Undo | null = null;

  const close = () => {
    clearTimeout(timer);
    if (notice.contains(document.activeElement)) find(document, '#files h2', HTMLElement).focus();
    notice.hidden = true;
    const gone = current;
    current = null;
    return gone;
  };
  const undo = () => close()?.undo();
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        if (notice.matches(':hover, :focus-within')) wait();
        else close()?.onGone();
      },
      current === null ? SHOWN_MS : UNDO_MS,
    );
  };
  button.addEventListener('click', undo);
  addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLInputElement && event.target.type !== 'checkbox';
    if (current === null || isTyping || event.key !== 'z' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    undo();
  });

  return (message, next) => {
    close()?.onGone();
    current = next ?? null;
    text.textContent = message;
    button.hidden = current === null;
    notice.hidden = false;
    announce(current === null ? message : `${message} ${texts.undoHint}`);
    wait();
  };
}
