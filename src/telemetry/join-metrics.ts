import { METRICS } from './metric-table.ts';

const DEFINITIONS: Readonly<Record<string, { type: string; help: string; across?: 'max' }>> = METRICS;

/** A sample in Prometheus's text format: the metric, or a part of a histogram, its labels and its value. */
const SAMPLE = /^([a-z0-9_]+?)((?:_bucket|_sum|_count)?(?:\{.*\})?) (\S+)$/;

/**
 * Adds up the metrics of several processes, each as `Metrics.text` has them. Of a metric that cannot be added, the
 * highest value counts; the table says which these are.
 */
export function joinMetrics(texts: readonly string[]): string {
  const joined = new Map<string, Map<string, number>>();
  for (const { name, series, value } of texts.flatMap(samplesOf)) {
    const values = joined.get(name) ?? new Map<string, number>();
    joined.set(name, values);
    const known = values.get(series);
    const add = DEFINITIONS[name]?.across === 'max' ? Math.max : (a: number, b: number) => a + b;
    values.set(series, known === undefined ? value : add(known, value));
  }
  const blocks = Object.entries(DEFINITIONS).map(([name, { type, help }]) => {
    const samples = [...(joined.get(name) ?? [])].map(([series, value]) => `${series} ${value}`);
    return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

/** Keeps what still counts after a process has ended: its counters and histograms. */
export function keepCounters(text: string): string {
  return samplesOf(text)
    .filter(({ name }) => DEFINITIONS[name]?.type !== 'gauge')
    .map(({ series, value }) => `${series} ${value}`)
    .join('\n');
}

function samplesOf(text: string): { name: string; series: string; value: number }[] {
  return text.split('\n').flatMap((line) => {
    const [, name = '', rest = '', value = ''] = SAMPLE.exec(line) ?? [];
    return name in DEFINITIONS ? [{ name, series: name + rest, value: Number(value) }] : [];
  });
}
