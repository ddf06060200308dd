import { setText } from './dom.ts';

/** A longer ending does not count as an extension. */
const EXTENSION = /\.[^.\s/]{1,10}$/u;

/** A name up to this length is shown whole on a phone, too: in two lines. */
const SHORT_LENGTH = 40;
const START_LENGTH = 24;
/** Of the stem, before the extension: what tells `report-final-2.pdf` from `report-final-3.pdf`. */
const END_LENGTH = 8;
/** Of what is shown only where there is room. */
const MIDDLE_LENGTH = 64;

/**
 * Shows a file's name, its extension always. The middle of a longer one is left out: all of it on a phone, else what is
 * too much.
 */
export function showName(element: HTMLElement, name: string): void {
  const [start, middle, end] = partsOf([...name]);
  const [first, second, third] = element.children;
  if (!first || !second || !third) return;
  setText(first, start);
  setText(second, middle);
  setText(third, end);
  element.title = name;
}

/** @param characters whole ones: an emoji has two code units. */
function partsOf(characters: readonly string[]): [start: string, middle: string, end: string] {
  const name = characters.join('');
  if (characters.length <= SHORT_LENGTH) return [name, '', ''];
  const endLength = END_LENGTH + (EXTENSION.exec(name)?.[0].length ?? 0);
  const middle = characters.slice(START_LENGTH, -endLength);
  const shown = middle.length > MIDDLE_LENGTH ? [...middle.slice(0, MIDDLE_LENGTH), '…'] : middle;
  return [characters.slice(0, START_LENGTH).join(''), shown.join(''), characters.slice(-endLength).join('')];
}

/** Shows a file's name as a heading. Screen readers would pause between the parts, so they get the whole name. */
export function showHeading(heading: HTMLElement, name: string): void {
  showName(heading, name);
  heading.setAttribute('aria-label', name);
}
