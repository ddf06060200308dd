import { setText } from './dom.ts';

/** A longer ending does not count as an extension. */
const EXTENSION = /\.[^.\s/]{1,10}$/u;

/** A name up to this length is shown whole on a phone, too: in two lines. */
const SHORT_LENGTH = 40;
const START_LENGTH = 24;
/** What is shown only where there is room. */
const MIDDLE_LENGTH = 64;
/** Of the stem, before the extension: what tells `report-final-2.pdf` from `report-final-3.pdf`. */
const END_LENGTH = 8;

/**
 * Shows a file's name, its extension always. The middle of a long one is hidden: all of it on a phone, elsewhere what
 * is too much. It stays in the text, for screen readers, and for who copies or searches the name.
 */
export function showName(element: HTMLElement, name: string): void {
  const parts = partsOf([...name]);
  for (const [index, part] of [...element.children].entries()) setText(part, parts[index] ?? '');
  element.title = name;
}

/** @param characters whole ones: an emoji has two code units. */
function partsOf(characters: readonly string[]): string[] {
  const name = characters.join('');
  if (characters.length <= SHORT_LENGTH) return [name];
  const endAt = characters.length - END_LENGTH - (EXTENSION.exec(name)?.[0].length ?? 0);
  const middleEndAt = Math.min(START_LENGTH + MIDDLE_LENGTH, endAt);
  const bounds = [0, START_LENGTH, middleEndAt, endAt, characters.length];
  return bounds.slice(1).map((end, index) => characters.slice(bounds[index], end).join(''));
}

/** Shows a file's name as a heading. Screen readers would pause between the parts, so they get the whole name. */
export function showHeading(heading: HTMLElement, name: string): void {
  showName(heading, name);
  heading.setAttribute('aria-label', name);
}
