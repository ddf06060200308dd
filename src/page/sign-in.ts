import { createFiles, SignpostError } from '../client/create-signpost.ts';
import { createQueueMemory } from '../client/queue/create-upload-queue.ts';
import { find, setText } from './dom.ts';
import { explain } from './explain.ts';
import { ownerOf } from './owner-of.ts';
import { texts } from './texts.ts';

const STORED_AS = 'signpost-demo:token';

/**
 * The bearer token: the one that the service put into the page, or one that the user pastes, kept while the tab is
 * open.
 */
export function createSignIn() {
  const dialog = find(document, '#sign-in', HTMLDialogElement);
  const form = find(dialog, 'form', HTMLFormElement);
  const input = find(form, 'input', HTMLInputElement);
  const problem = find(form, '.problem', HTMLElement);
  const button = find(form, 'button[type=submit]', HTMLButtonElement);
  const cancel = find(form, '.cancel', HTMLButtonElement);
  const signOut = find(document, '#sign-out', HTMLButtonElement);
  const work = find(document, '#work', HTMLElement);
  const given = find(document, 'meta[name=signpost-token]', HTMLMetaElement).content;
  const storage = tabStorage();
  let token = given || (storage?.getItem(STORED_AS) ?? '');
  let renewal: Promise<void> | null = null;
  let onToken: (owner: string | null) => void = () => {};

  const render = () => {
    work.hidden = token === '';
    signOut.hidden = token === '' || given !== '';
  };

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const pasted = input.value.trim();
    setText(problem, '');
    button.disabled = true;
    const reason = await whyRefused(pasted);
    button.disabled = false;
    if (reason !== null) {
      setText(problem, reason);
      input.focus();
      return;
    }
    const isFirst = token === '';
    storage?.setItem(STORED_AS, pasted);
    // The uploads under way and the list are another user's.
    if (!isFirst && ownerOf(pasted) !== ownerOf(token)) return location.reload();
    token = pasted;
    input.value = '';
    dialog.close();
    render();
    if (isFirst) onToken(ownerOf(token));
  });
  cancel.addEventListener('click', () => dialog.close());
  signOut.addEventListener('click', async () => {
    const owner = ownerOf(token);
    storage?.removeItem(STORED_AS);
    // The user's files do not stay in a browser that others may use. One that cannot remove them has none.
    if (owner !== null)
      await createQueueMemory({ owner })
        .clear()
        .catch(() => {});
    location.reload();
  });

  /** Ends when the dialog is closed: with another token, or without one, and then the refusal stands. */
  const askAgain = () =>
    new Promise<void>((resolve) => {
      setText(find(form, 'h2', HTMLElement), texts.sessionEnded);
      setText(find(form, '.lead-in', HTMLElement), texts.pasteAgain);
      cancel.hidden = false;
      dialog.addEventListener('close', () => resolve(), { once: true });
      dialog.showModal();
    });

  /** The token in the page is renewed without asking. */
  const renewGiven = async () => {
    const response = await fetch('/').catch(() => null);
    const [, renewed] = /name="signpost-token" content="([^"]+)"/.exec((await response?.text()) ?? '') ?? [];
    token = renewed ?? token;
  };

  return {
    /** No request is sent with a token that is being replaced. */
    token: async (): Promise<string> => {
      await renewal;
      return token;
    },
    /** The service refused the token: asks for another, once for all requests that were refused. */
    renew: (): Promise<void> => {
      renewal ??= (given === '' ? askAgain() : renewGiven()).finally(() => {
        renewal = null;
      });
      return renewal;
    },
    /** Calls back when there is a token, with whose it is (`ownerOf`): now, or when one is pasted. */
    onToken: (callback: (owner: string | null) => void): void => {
      onToken = callback;
      render();
      if (token !== '') callback(ownerOf(token));
      else dialog.show();
    },
  };
}

/** null if the user forbids it (access throws): then the token is pasted again after a reload. */
function tabStorage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/** null if the service takes the token. A token that may not read files may still upload some. */
async function whyRefused(token: string): Promise<string | null> {
  try {
    await createFiles({ url: location.origin, token, maxAttempts: 1 }).usage();
    return null;
  } catch (error) {
    return error instanceof SignpostError && error.status >= 403 ? null : explain(error);
  }
}
