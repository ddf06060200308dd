import { find } from './dom.ts';

const GAP_MS = 700;

/** Announces changes to screen readers. */
export type Announce = (message: string) => void;

/** A polite live region (WAI-ARIA 1.2, `status`); simultaneous messages are announced together. */
export function createAnnouncer(): Announce {
  const region = find(document, '#announcer', HTMLElement);
  let waiting: string[] = [];
  const tell = () => {
    region.textContent = waiting.length > 3 ? `${waiting.slice(0, 3).join('. ')}, and more` : waiting.join('. ');
    waiting = [];
  };
  return (message) => {
    waiting.push(message);
    if (waiting.length === 1) setTimeout(tell, GAP_MS);
  };
}
