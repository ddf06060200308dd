import { setText } from './dom.ts';

/** A longer ending does not count as an extension. */
const EXTENSION = /\.[^.\s/]{1,10}$/u;

/** Shows a file's name so that its extension stays in view however little room there is. */
export function showName(element: HTMLElement, name: string): void {
  const end = EXTENSION.exec(name)?.[0] ?? '';
  const stem = name.slice(0, name.length - end.length);
  const [first, last] = element.children;
  if (!first || !last) return;
  setText(first, stem);
  setText(last, end);
  element.title = name;
}

/** Shows a file's name as a heading. Screen readers would pause between the two parts, so they get the whole name. */
export function showHeading(heading: HTMLElement, name: string): void {
  showName(heading, name);
  heading.setAttribute('aria-label', name);
}
