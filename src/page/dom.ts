/**
 * The single element of this type that matches the selector.
 * @throws TypeError if the page has no such element, which is a mistake in the page.
 */
export function find<Type extends Element>(root: ParentNode, selector: string, type: new () => Type): Type {
  const found = root.querySelector(selector);
  if (!(found instanceof type)) throw new TypeError(`the page has no ${type.name} at ${selector}`);
  return found;
}

/** A copy of the single element in the template with this id. */
export function copyTemplate(id: string): HTMLElement {
  const template = find(document, `template#${id}`, HTMLTemplateElement);
  return find(document.importNode(template.content, true), '*', HTMLElement);
}

/** Skips unchanged text: writing it would cost the browser a layout. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Skips an unchanged value, as `setText` does. */
export function setProgress(bar: HTMLProgressElement, part: number, whole: number): void {
  const value = whole === 0 ? 0 : part / whole;
  if (bar.value !== value) bar.value = value;
}

export function setIcon(element: Element, name: string): void {
  const use = find(element, 'use', SVGUseElement);
  const href = `#icon-${name}`;
  if (use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/** Removes a row of a list; if it has the focus, the focus moves to the next row. */
function removeRow(row: Element, fallback: HTMLElement): void {
  const hadFocus = row.contains(document.activeElement);
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  if (!hadFocus) return;
  const button = next?.querySelector('button:not([hidden])');
  (button instanceof HTMLElement ? button : fallback).focus();
}

/**
 * Makes these elements, in this order, the rows of the list, and moves only those that have to move. If a row that goes
 * has the focus, the focus moves to the next one.
 */
export function syncRows(list: Element, elements: readonly Element[], fallback: HTMLElement): void {
  const kept = new Set(elements);
  for (const row of [...list.children]) if (!kept.has(row)) removeRow(row, fallback);
  let next = list.firstElementChild;
  for (const element of elements) {
    if (element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
}
