import { wording } from './wording.ts';

const GAP_MS = 700;

/** Announces changes to screen readers. */
export type Announce = (message: string) => void;

/** A polite live region (WAI-ARIA 1.2, `status`); simultaneous messages are announced together. */
export function createAnnouncer(region: HTMLElement): Announce {
  let waiting: string[] = [];
  const tell = () => {
    const text = waiting.slice(0, 3).join('. ').replaceAll('.. ', '. ');
    region.textContent = waiting.length > 3 ? wording.andMore(text) : text;
    waiting = [];
  };
  return (message) => {
    waiting.push(message);
    if (waiting.length === 1) setTimeout(tell, GAP_MS);
  };
}
