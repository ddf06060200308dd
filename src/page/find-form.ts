import type { FileQuery } from '../client/create-signpost.ts';
import { find } from './dom.ts';

/** Typing is waited for. */
const PAUSE_MS = 300;

const SORTS = ['-createdAt', 'createdAt', 'fileName', '-fileName', '-size', 'size'] as const;
const STATUSES = ['held', 'active', 'archived', 'rejected'] as const;

/** The search, the filters and the order of the list. `onChange` is called when somebody changes them. */
export function createFindForm(onChange: () => void) {
  const form = find(document, '#find', HTMLFormElement);
  const input = find(form, 'input[type=search]', HTMLInputElement);
  const [kind, status, sort] = (['kind', 'status', 'sort'] as const).map((name) =>
    find(form, `select[name=${name}]`, HTMLSelectElement),
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  const change = () => {
    clearTimeout(timer);
    onChange();
  };
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, PAUSE_MS);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    change();
  });
  form.addEventListener('change', (event) => event.target !== input && change());

  const query = (): FileQuery => ({
    q: input.value.trim() || undefined,
    contentType: kind?.value || undefined,
    status: STATUSES.find((name) => name === status?.value),
    sort: SORTS.find((name) => name === sort?.value),
  });
  return {
    query,
    /** Whether the list has all current files, the newest first: then a new one is the first. */
    isPlain: (): boolean => {
      const { q, contentType, status: asked, sort: order } = query();
      return q === undefined && contentType === undefined && asked === undefined && order === '-createdAt';
    },
    reset: (): void => form.reset(),
    focus: (): void => input.focus(),
    setHidden: (isHidden: boolean): void => {
      form.hidden = isHidden;
    },
  };
}
