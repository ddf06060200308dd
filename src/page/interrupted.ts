import type { QueueItem } from '../client/queue/queue-item.ts';
import { pageStorage } from '../client/upload-memory.ts';
import { find } from './dom.ts';
import { formatBytes } from './format.ts';

const STORED_AS = 'signpost-demo:interrupted';

type Interrupted = { name: string; size: number };

/**
 * Lists the uploads that were interrupted by leaving the page. The browser cannot keep the files: the user must choose
 * them again, and then the SDK resumes them.
 * @param unfinished returns the uploads that can still succeed, when the page is left.
 */
export function rememberInterrupted(unfinished: () => readonly QueueItem[]) {
  const section = find(document, '#interrupted', HTMLElement);
  const list = find(section, 'ul', HTMLElement);
  let waiting = read();

  const render = () => {
    section.hidden = waiting.length === 0;
    list.replaceChildren(
      ...waiting.map(({ name, size }) => {
        const item = document.createElement('li');
        item.textContent = `${name} (${formatBytes(size)})`;
        return item;
      }),
    );
  };
  const isSame = (a: Interrupted, b: Interrupted) => a.name === b.name && a.size === b.size;

  find(section, 'button', HTMLButtonElement).addEventListener('click', () => {
    waiting = [];
    render();
    find(document, '#choose', HTMLButtonElement).focus();
  });
  addEventListener('beforeunload', (event) => {
    if (unfinished().length > 0) event.preventDefault();
  });
  addEventListener('pagehide', () => {
    const all = [...waiting, ...unfinished().map(toInterrupted)];
    if (all.length === 0) pageStorage()?.removeItem(STORED_AS);
    else pageStorage()?.setItem(STORED_AS, JSON.stringify(all));
  });
  render();

  return {
    /** Removes the files that were chosen again. */
    forget: (chosen: readonly QueueItem[]): void => {
      const again = chosen.map(toInterrupted);
      waiting = waiting.filter((one) => !again.some((file) => isSame(file, one)));
      render();
    },
  };
}

function toInterrupted({ fileName, totalBytes }: QueueItem): Interrupted {
  return { name: fileName, size: totalBytes };
}

function read(): Interrupted[] {
  try {
    const saved = JSON.parse(pageStorage()?.getItem(STORED_AS) ?? '[]');
    return Array.isArray(saved) ? saved : [];
  } catch {
    return [];
  }
}
