import { createStore, type Store } from './create-store.ts';

export type DropZone = Store<{ readonly isOver: boolean }> & {
  /** Takes what is dropped on the element, or pasted into it. Returns a function that ends that. */
  attach: (element: HTMLElement) => () => void;
};

/**
 * Files dropped on an element or pasted into it. Text and links are left to the page.
 * @param onFiles called in the event itself: `queue.add` is one.
 */
export function createDropZone(onFiles: (data: DataTransfer) => unknown): DropZone {
  /** Elements inside fire these events, too: only leaving all of them ends the drag. */
  let depth = 0;
  const store = createStore<{ isOver: boolean }>((previous) =>
    previous?.isOver === depth > 0 ? previous : { isOver: depth > 0 },
  );
  const enter = (next: number) => {
    depth = Math.max(0, next);
    store.changed();
  };
  const listeners = {
    dragenter: () => enter(depth + 1),
    dragleave: () => enter(depth - 1),
    dragover: (event: DragEvent) => event.preventDefault(),
    drop: (event: DragEvent) => {
      event.preventDefault();
      enter(0);
      if (event.dataTransfer) onFiles(event.dataTransfer);
    },
  };
  const onPaste = ({ clipboardData }: ClipboardEvent) => {
    if (clipboardData?.types.includes('Files')) onFiles(clipboardData);
  };

  return {
    subscribe: store.subscribe,
    getSnapshot: store.getSnapshot,
    attach: (element) => {
      const attached = new AbortController();
      for (const [name, listener] of Object.entries(listeners)) {
        const onDrag = (event: Event) => {
          if ((event as DragEvent).dataTransfer?.types.includes('Files')) listener(event as DragEvent);
        };
        element.addEventListener(name, onDrag, attached);
      }
      element.addEventListener('paste', onPaste, attached);
      return () => {
        attached.abort();
        enter(0);
      };
    },
  };
}
