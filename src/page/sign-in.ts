import { find, setText } from './dom.ts';

const STORED_AS = 'signpost-demo:token';

/**
 * The bearer token: the one that the service put into the page, or one that the user pastes, kept while the tab is
 * open.
 */
export function createSignIn() {
  const form = find(document, '#sign-in', HTMLFormElement);
  const input = find(form, 'input', HTMLInputElement);
  const work = find(document, '#work', HTMLElement);
  const given = find(document, 'meta[name=signpost-token]', HTMLMetaElement).content;
  let token = given || (sessionStorage.getItem(STORED_AS) ?? '');
  let onToken = () => {};

  const show = () => {
    form.hidden = token !== '';
    work.hidden = token === '';
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    token = input.value.trim();
    input.value = '';
    sessionStorage.setItem(STORED_AS, token);
    show();
    onToken();
  });

  return {
    token: () => token,
    isDone: () => token !== '',
    /** Calls back with every token: now, or when one is pasted. */
    onToken: (callback: () => void): void => {
      onToken = callback;
      show();
      if (token !== '') callback();
    },
    /** The token was refused. A token embedded in the page is renewed by reloading. */
    askAgain: (reason: string): void => {
      if (given !== '') return;
      token = '';
      sessionStorage.removeItem(STORED_AS);
      setText(find(form, '#token-problem', HTMLElement), reason);
      show();
      input.focus();
    },
  };
}
