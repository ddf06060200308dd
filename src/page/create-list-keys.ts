const CONTROLS = 'button, input';

/**
 * Arrow keys, Home and End move from row to row, and the Tab key stops at the controls of one row only: the row that
 * was used last, or the first row if none was used (ARIA Authoring Practices Guide, "Managing Focus Within Components
 * Using a Roving tabindex"). Delete presses the row's own button for it, if it has one.
 * @returns a function to call when the rows have changed.
 */
export function createListKeys(list: HTMLElement): () => void {
  let used: Element | null = null;
  let current: Element | null = null;

  const setStops = (row: Element | null, tabIndex: 0 | -1) => {
    for (const control of controlsOf(row)) control.tabIndex = tabIndex;
  };
  const update = () => {
    if (used?.parentElement !== list) used = null;
    const next = used ?? list.firstElementChild;
    if (next === current) return;
    setStops(current, -1);
    setStops(next, 0);
    current = next;
  };
  const rowOf = (target: EventTarget | null) => (target instanceof Element ? target.closest('.row') : null);
  /** The same control in that row, or its first one. */
  const focusLike = (control: Element, row: Element | null | undefined) => {
    const visible = controlsOf(row ?? null).filter((one) => one.checkVisibility());
    (visible.find((one) => one.className === control.className) ?? visible[0])?.focus();
  };

  list.addEventListener('focusin', ({ target }) => {
    used = rowOf(target);
    update();
  });
  list.addEventListener('keydown', (event) => {
    const { target, key } = event;
    const row = rowOf(target);
    if (row === null || !(target instanceof Element) || event.ctrlKey || event.metaKey || event.altKey) return;
    const goal = {
      ArrowDown: row.nextElementSibling,
      ArrowUp: row.previousElementSibling,
      Home: list.firstElementChild,
      End: list.lastElementChild,
    }[key];
    if (goal === undefined && key !== 'Delete') return;
    event.preventDefault();
    if (goal) focusLike(target, goal);
    else if (key === 'Delete') row.querySelector<HTMLElement>('.delete')?.click();
  });
  return update;
}

function controlsOf(row: Element | null): HTMLElement[] {
  return row === null ? [] : [...row.querySelectorAll<HTMLElement>(CONTROLS)];
}
