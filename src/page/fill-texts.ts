import { texts } from './texts.ts';

const MARKED = '[data-text], [data-label]';

/**
 * Puts the texts into the page's elements: `data-text` names the text of an element's content, `data-label` that of its
 * accessible name.
 * @throws TypeError if there is no such text, which is a mistake in the page.
 */
export function fillTexts(): void {
  document.documentElement.lang = texts.language;
  const templates = [...document.querySelectorAll('template')].map(({ content }) => content);
  for (const root of [document, ...templates]) {
    for (const element of root.querySelectorAll<HTMLElement>(MARKED)) {
      const { text, label } = element.dataset;
      if (text !== undefined) element.replaceChildren(...withCode(textOf(text)));
      if (label === undefined) continue;
      element.setAttribute('aria-label', textOf(label));
      if (element instanceof HTMLInputElement) element.placeholder = textOf(label);
    }
  }
}

function textOf(name: string): string {
  const text = Object.entries(texts.fixed).find(([key]) => key === name)?.[1];
  if (text === undefined) throw new TypeError(`there is no text ${name}`);
  return text;
}

/** What is between backticks is code. */
function withCode(text: string): (Node | string)[] {
  return text.split('`').map((part, index) => {
    if (index % 2 === 0) return part;
    const code = document.createElement('code');
    code.textContent = part;
    return code;
  });
}
