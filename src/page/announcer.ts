import { find } from './dom.ts';

const GAP_MS = 700;

/** Announces changes to screen readers. */
export type Announce = (message: string) => void;

/** How long a notice stays. */
const SHOWN_MS = 8_000;

/** Shows a message for some seconds, and announces it: for what nothing else on the page shows. */
export function createNotice(announce: Announce): Announce {
  const notice = find(document, '#notice', HTMLElement);
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (message) => {
    notice.textContent = message;
    notice.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => {
      notice.hidden = true;
    }, SHOWN_MS);
    announce(message);
  };
}

/** A polite live region (WAI-ARIA 1.2, `status`); simultaneous messages are announced together. */
export function createAnnouncer(region: HTMLElement): Announce {
  let waiting: string[] = [];
  const tell = () => {
    const text = waiting.slice(0, 3).join('. ').replaceAll('.. ', '. ');
    region.textContent = waiting.length > 3 ? `${text}, and more` : text;
    waiting = [];
  };
  return (message) => {
    waiting.push(message);
    if (waiting.length === 1) setTimeout(tell, GAP_MS);
  };
}
