const SVG = 'http://www.w3.org/2000/svg';

/** The drawing of each icon, 24 units wide. */
const ICONS = {
  upload: 'M12 16V5M7 9.5l5-5 5 5M5 19.5h14',
  file: 'M13.5 3.5h-6a2 2 0 0 0-2 2v13a2 2 0 0 0 2 2h9a2 2 0 0 0 2-2v-10zM13.5 3.5v5h5',
  pause: 'M9 6v12M15 6v12',
  resume: 'm8.5 6 9.5 6-9.5 6z',
  remove: 'm6.5 6.5 11 11M17.5 6.5l-11 11',
};

export type IconName = keyof typeof ICONS;

/** An element with these attributes and children. No HTML is parsed, so that Trusted Types cannot forbid it. */
export function build<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  children: readonly (Node | string)[] = [],
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A button that does not submit a form. */
export function buildButton(part: string, children: readonly (Node | string)[] = []): HTMLButtonElement {
  return build('button', { type: 'button', part, class: part }, children);
}

export function buildIcon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(document.createElementNS(SVG, 'path'));
  changeIcon(svg, name);
  return svg;
}

export function changeIcon(svg: SVGSVGElement, name: IconName): void {
  svg.firstElementChild?.setAttribute('d', ICONS[name]);
}
