import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/telemetry/metric-table.ts';
import { dashboardQueries, read, readDashboard } from './monitoring-files.ts';

/** What Prometheus adds: from the scrape, and to a histogram. */
const ADDED_LABELS = ['job', 'instance', 'le'];

const table = new Map<string, readonly string[]>(
  Object.entries(METRICS).flatMap(([name, { type, labels }]) => {
    const ends = type === 'histogram' ? ['_bucket', '_count', '_sum'] : [''];
    return ends.map((end): [string, readonly string[]] => [`${name}${end}`, labels]);
  }),
);

/** The metrics of queries or series, each with the labels that it is selected by. */
function selectorsOf(text: string): { name: string; labels: string[] }[] {
  return [...text.matchAll(/\b((?:signpost|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g)].map(
    ([, name = '', selector = '']) => ({
      name,
      labels: [...selector.matchAll(/([a-z_]+)\s*[=!]/g)].map(([, label = '']) => label),
    }),
  );
}

const alerts = [...read('alerts.yml').matchAll(/alert: (\w+)/g)].map(([, name = '']) => name);

describe.each([
  ['the dashboard', () => readDashboard() && dashboardQueries().join('\n')],
  ['the alert rules', () => read('alerts.yml')],
  ['their tests', () => read('alerts.test.yml')],
])('in %s', (_, text) => {
  it('every metric and every label is one of the table', () => {
    const selectors = selectorsOf(text());
    expect(selectors.length).toBeGreaterThan(20);
    expect(selectors.filter(({ name }) => !table.has(name))).toEqual([]);
    const unknown = selectors.filter(({ name, labels }) =>
      labels.some((label) => ![...ADDED_LABELS, ...(table.get(name) ?? [])].includes(label)),
    );
    expect(unknown).toEqual([]);
  });

  it('every label in a `sum by` is one of the table', () => {
    const known = new Set([...ADDED_LABELS, 'alertname', ...[...table.values()].flat()]);
    const grouped = [...text().matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(/,\s*/));
    expect(grouped.filter((label) => !known.has(label))).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('shows every metric of the table but the start of the process, whose changes are its annotations', () => {
    const shown = new Set(
      selectorsOf(dashboardQueries().join('\n')).map(({ name }) => name.replace(/_(bucket|count)$/, '')),
    );
    expect(Object.keys(METRICS).filter((name) => !shown.has(name))).toEqual([]);
  });

  it('has panels of different ids that do not overlap', () => {
    const { panels } = readDashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  });
});

describe('every alert', () => {
  it('is seen to fire in the tests of the rules, and docs/monitoring.md says what to do', () => {
    const docs = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
    const documented = [...docs.matchAll(/^\| `(Signpost\w+)` \|/gm)].map(([, name]) => name);
    expect(documented).toEqual(alerts);
    expect(alerts.filter((name) => !new RegExp(`(="|: )${name}\\b`).test(read('alerts.test.yml')))).toEqual([]);
  });
});
