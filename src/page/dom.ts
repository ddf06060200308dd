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

export function setIcon(element: Element, name: string): void {
  const use = find(element, 'use', SVGUseElement);
  const href = `#icon-${name}`;
  if (use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/** Removes a row of a list; if it has the focus, the focus moves to the next row. */
export function removeRow(row: Element, fallback: HTMLElement): void {
  const hadFocus = row.contains(document.activeElement);
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  if (!hadFocus) return;
  const button = next?.querySelector('button:not([hidden])');
  (button instanceof HTMLElement ? button : fallback).focus();
}
