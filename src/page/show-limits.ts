import type { Signpost } from '../client/create-signpost.ts';
import { ANY_TYPE, describeLimits } from './describe-limits.ts';
import { find, setText } from './dom.ts';
import { texts } from './texts.ts';

/** How often the totals are requested while files arrive one after another. */
const SOON_MS = 2_000;

/**
 * Asks for the user's limits, shows them, and lets the file picker offer only what is allowed.
 * @param onTotal called with what the user's files add up to.
 */
export function createLimitsNote(signpost: Signpost, onTotal: (text: string) => void) {
  const note = find(document, '#limits', HTMLElement);
  const picker = find(document, '#picker', HTMLInputElement);

  let asked = 0;
  let isDue = false;

  const show = async (): Promise<void> => {
    const question = ++asked;
    // Without an answer, the limits are met when an upload begins.
    const limits = await signpost.limits().catch(() => null);
    if (limits === null || question !== asked) return;
    picker.accept = limits.contentTypes.includes(ANY_TYPE) ? '' : limits.contentTypes.join();
    setText(note, describeLimits(limits));
    const { bytes, usedBytes, usedFiles } = limits.quota;
    if (usedBytes === null || usedFiles === null) return;
    onTotal(bytes === null ? texts.stored(usedFiles, usedBytes) : texts.storedOf(usedFiles, usedBytes, bytes));
  };
  return {
    show,
    /** As `show`, a little later, and once for many calls in a row. */
    showSoon: (): void => {
      if (isDue) return;
      isDue = true;
      setTimeout(() => {
        isDue = false;
        void show();
      }, SOON_MS);
    },
  };
}
