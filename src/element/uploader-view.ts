import type { QueueSnapshot } from '../client/queue/queue-item.ts';
import { createAnnouncer } from '../page/announcer.ts';
import { setText } from '../page/dom.ts';
import { build, buildButton, buildIcon } from './build-element.ts';
import { createUploaderRow, type RowActions, type UploaderRow } from './uploader-row.ts';
import type { UploaderTexts } from './uploader-texts.ts';

/** How many files are shown: thousands of rows would cost more time than their uploads. */
const SHOWN_FILES = 100;

export type ViewActions = {
  add: (source: FileList | DataTransfer | null) => void;
  item: RowActions;
  pauseAll: () => void;
  resumeAll: () => void;
  removeAll: () => void;
};

export type ViewOptions = { multiple: boolean; directory: boolean; disabled: boolean; accept: string };

/** The tree of the element, and what draws it. */
export function createUploaderView(texts: () => UploaderTexts, actions: ViewActions) {
  const lead = build('p', { part: 'lead', class: 'lead', id: 'lead' });
  const hint = build('p', { part: 'hint', class: 'hint', id: 'hint' });
  const problem = build('p', { part: 'problem', class: 'problem', role: 'alert' });
  const choose = buildButton('button choose');
  choose.setAttribute('aria-describedby', 'lead hint');
  const chooseFolder = buildButton('button choose-folder');
  const picker = build('input', { type: 'file', hidden: '' });
  const folderPicker = build('input', { type: 'file', webkitdirectory: '', hidden: '' });
  const drop = build('div', { part: 'drop', class: 'drop' }, [
    buildIcon('upload'),
    build('div', { class: 'words' }, [lead, hint, problem]),
    chooseFolder,
    choose,
    picker,
    folderPicker,
  ]);
  const total = build('p', { part: 'total', class: 'total' });
  const pauseAll = buildButton('button pause-all');
  const removeAll = buildButton('button remove-all');
  const bar = build('div', { part: 'bar', class: 'bar' }, [total, pauseAll, removeAll]);
  const list = build('ul', { part: 'list', class: 'list', role: 'list' });
  const more = build('p', { part: 'more', class: 'hint more' });
  const announced = build('p', { class: 'unseen', role: 'status' });
  const announce = createAnnouncer(announced);
  const rows = new Map<string, UploaderRow>();
  let options: ViewOptions = { multiple: false, directory: false, disabled: false, accept: '' };
  let isMoving = false;

  for (const [button, input] of [
    [choose, picker],
    [chooseFolder, folderPicker],
  ] as const) {
    button.addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      actions.add(input.files);
      // Otherwise choosing the same file again would fire no event.
      input.value = '';
    });
  }
  pauseAll.addEventListener('click', () => (isMoving ? actions.pauseAll() : actions.resumeAll()));
  removeAll.addEventListener('click', () => {
    actions.removeAll();
    choose.focus();
  });
  acceptDrops(drop, () => !options.disabled, actions.add);

  const drawRows = ({ items }: QueueSnapshot) => {
    const shown = items.length > SHOWN_FILES ? mostUrgent(items) : items;
    const kept = new Set(shown.map(({ id }) => id));
    for (const [id, row] of rows) {
      if (kept.has(id)) continue;
      const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
      const hadFocus = row.element.matches(':focus-within');
      row.element.remove();
      row.forget();
      rows.delete(id);
      if (hadFocus) ([...rows.values()].find(({ element }) => element === next) ?? choose).focus();
    }
    let place = list.firstElementChild;
    for (const item of shown) {
      const row = rows.get(item.id) ?? createUploaderRow(item, texts, actions.item);
      rows.set(item.id, row);
      row.draw(item);
      if (row.element === place) place = place.nextElementSibling;
      else list.insertBefore(row.element, place);
    }
    list.hidden = items.length === 0;
    more.hidden = shown.length === items.length;
    setText(more, texts().more(items.length - shown.length));
  };

  const draw = (snapshot: QueueSnapshot) => {
    drawRows(snapshot);
    const { files, waiting, running, paused } = snapshot.totals;
    bar.hidden = files < 2;
    isMoving = waiting + running > 0;
    setText(total, texts().total(snapshot.totals));
    setText(pauseAll, isMoving ? texts().pauseAll : texts().resumeAll);
    pauseAll.hidden = waiting + running + paused === 0;
    setText(removeAll, texts().removeAll);
  };

  return {
    elements: [drop, bar, list, more, announced],
    /** What the browser's own message about the form points at. */
    choose,
    announce,
    draw,
    /** Shows what is wrong, until the next call. */
    complain: (text: string): void => setText(problem, text),
    drawOptions: (next: ViewOptions): void => {
      options = next;
      const { multiple, directory, disabled, accept } = next;
      setText(lead, texts().drop(multiple));
      setText(choose, texts().choose(multiple));
      setText(chooseFolder, texts().chooseFolder);
      picker.multiple = multiple;
      picker.accept = accept;
      chooseFolder.hidden = !(multiple && directory);
      choose.disabled = disabled;
      chooseFolder.disabled = disabled;
    },
    drawLimits: (text: string): void => setText(hint, text),
    redraw: (snapshot: QueueSnapshot): void => {
      for (const item of snapshot.items) rows.get(item.id)?.redraw(item);
      draw(snapshot);
    },
  };
}

/** The first rows of a long list: files that the user may act on come before those that are done. */
function mostUrgent(items: QueueSnapshot['items']): QueueSnapshot['items'] {
  const open = items.filter(({ status }) => status !== 'done').slice(0, SHOWN_FILES);
  const room = SHOWN_FILES - open.length;
  return room === 0 ? open : [...open, ...items.filter(({ status }) => status === 'done').slice(-room)];
}

/** Accepts what is dropped on the element, and marks it while files are over it. */
function acceptDrops(drop: HTMLElement, isOn: () => boolean, add: ViewActions['add']): void {
  const hasFiles = (event: DragEvent) => isOn() && event.dataTransfer?.types.includes('Files') === true;
  const mark = (isOver: boolean) => {
    drop.classList.toggle('over', isOver);
    drop.part.toggle('drop-over', isOver);
  };
  drop.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  drop.addEventListener('dragleave', ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && drop.contains(relatedTarget))) mark(false);
  });
  drop.addEventListener('drop', (event) => {
    mark(false);
    if (!hasFiles(event)) return;
    event.preventDefault();
    add(event.dataTransfer);
  });
}
