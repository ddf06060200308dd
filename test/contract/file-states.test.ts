import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  FILE_STATE_NAMES,
  FILE_STATES,
  FILE_STEPS,
  type FileState,
  type FileStep,
  HELD_STATE,
  NEW_FILE_STATE,
  STATE_AFTER,
  STATE_OF_VERDICT,
  statesBefore,
  statesWith,
  VERDICTS,
  type VerdictName,
  whyNotDownloadable,
} from '../../src/contract/file-states.ts';

const ROOT = new URL('../../', import.meta.url);
const STEP_ROUTES = { archive: '`archive`', restore: '`restore`', delete: '`DELETE`' } satisfies Record<
  FileStep,
  string
>;

/** A refused upload, which was never a file. */
const columns = FILE_STATE_NAMES.filter((state) => state !== 'refused');

function row(title: string, cell: (state: FileState) => string): string {
  return `| ${title} | ${columns.map(cell).join(' | ')} |`;
}

/** The answer of a route that depends on the state; a file in a final state does not exist. */
const unless = (state: FileState, allowed: string | false) => allowed || (FILE_STATES[state].isFinal ? '404' : '409');
const unlessDownloadable = (state: FileState) =>
  state === 'rejected' ? '422' : unless(state, FILE_STATES[state].isDownloadable && 'yes');

function afterStep(state: FileState, step: FileStep): string | false {
  const to = STATE_AFTER[step];
  return FILE_STATES[state].takes[step] && (to === state ? `stays ${to}` : to);
}

/** A verdict may be repeated. */
function afterVerdict(state: FileState, verdict: VerdictName): string | false {
  const to = STATE_OF_VERDICT[verdict];
  if (state === HELD_STATE) return to;
  return state === 'rejected' && to === state && `stays ${to}`;
}

const TABLE = [
  `| | ${columns.join(' | ')} |`,
  `|${'---|'.repeat(columns.length + 1)}`,
  row('listed (`GET /files`)', (state) => {
    if (!FILE_STATES[state].isListed) return 'no';
    return state === NEW_FILE_STATE ? 'yes' : `with \`status=${state}\``;
  }),
  row('looked up', (state) => unless(state, !FILE_STATES[state].isFinal && 'yes')),
  row('downloaded', unlessDownloadable),
  row('changed (`PATCH`)', (state) => unless(state, FILE_STATES[state].isChangeable && 'yes')),
  ...FILE_STEPS.map((step) => row(STEP_ROUTES[step], (state) => unless(state, afterStep(state, step)))),
  ...VERDICTS.map((verdict) => row(`verdict \`${verdict}\``, (state) => unless(state, afterVerdict(state, verdict)))),
  row('counts for the quota', (state) => (FILE_STATES[state].countsForQuota ? 'yes' : 'no')),
].join('\n');

describe('the states of a file', () => {
  it('equal the documentation’s table', () => {
    const pages = ['README.md', ...readdirSync(new URL('docs', ROOT)).map((name) => `docs/${name}`)];
    const sections = pages
      .filter((page) => page.endsWith('.md'))
      .flatMap((page) => readFileSync(new URL(page, ROOT), 'utf8').split(/^(?=#+ )/m))
      .filter((section) => /^#+ A file's life$/m.test(section));
    expect(sections).toHaveLength(1);
    expect(sections[0]?.match(/^\|.*\|$/gm)?.join('\n')).toBe(TABLE);
  });

  it('have no step out of a final one, and hide files in it', () => {
    for (const state of statesWith('isFinal', true)) {
      expect(FILE_STEPS.filter((step) => statesBefore(step).includes(state))).toEqual([]);
      expect(FILE_STATES[state]).toMatchObject({ isListed: false, isDownloadable: false, isChangeable: false });
      expect(FILE_STATES[state].object).not.toBe('stays');
    }
    for (const state of statesWith('isDownloadable', true)) expect(FILE_STATES[state].object).toBe('stays');
  });

  it('name the step that makes a file downloadable, if there is one', () => {
    expect(whyNotDownloadable('archived')).toBe('the file is archived: restore it first');
    expect(whyNotDownloadable('deleted')).toBe('the file is deleted');
    expect(whyNotDownloadable('held')).toBe('the file is held');
  });
});
