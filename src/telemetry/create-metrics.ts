import type { Metric } from 'prom-client';
import { type LabelsOf, METRICS, type MetricName, type MetricOf } from './metric-table.ts';

/** A value of a metric with labels. */
type Sample<Name extends MetricName> = { labels: LabelsOf<Name>; value: number };

/** The metrics of one instance. Counting and observing never throws. */
export type Metrics = {
  /** Adds to a counter. Default: 1. */
  count<Name extends MetricOf<'counter'>>(name: Name, labels: LabelsOf<Name>, by?: number): void;
  /** Adds a value to a histogram, in its unit. */
  observe<Name extends MetricOf<'histogram'>>(name: Name, labels: LabelsOf<Name>, value: number): void;
  /** Reads a gauge, or a counter that is kept elsewhere, whenever the metrics are read. null: there is no value yet. */
  watch<Name extends MetricOf<'gauge' | 'counter'>>(
    name: Name,
    read: () => readonly Sample<Name>[] | number | null,
  ): void;
  /** All metrics in Prometheus's text format. */
  text(): Promise<{ contentType: string; text: string }>;
};

/** Counts nothing. */
export const NO_METRICS: Metrics = {
  count: () => {},
  observe: () => {},
  watch: () => {},
  text: async () => ({ contentType: 'text/plain; charset=utf-8', text: '' }),
};

/** Metrics in a registry of their own: two instances in one process do not share a number. */
export async function createMetrics(): Promise<Metrics> {
  // Only those who want metrics load the library.
  const { Counter, Gauge, Histogram, Registry } = (await import('prom-client')).default;
  const registry = new Registry();
  const metrics = new Map<string, Metric>();
  for (const [name, { type, help, labels, ...more }] of Object.entries(METRICS)) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') metrics.set(name, new Counter(options));
    else if (type === 'gauge') metrics.set(name, new Gauge(options));
    else metrics.set(name, new Histogram({ ...options, buckets: 'buckets' in more ? [...more.buckets] : [] }));
  }
  // A gauge that nobody sets has no value, rather than 0.
  for (const metric of metrics.values()) if (metric instanceof Gauge) metric.remove({});

  return {
    count: (name, labels, by = 1) => {
      const metric = metrics.get(name);
      if (metric instanceof Counter) metric.inc(labels, by);
    },
    observe: (name, labels, value) => {
      const metric = metrics.get(name);
      if (metric instanceof Histogram) metric.observe(labels, value);
    },
    watch: (name, read) => {
      const metric = metrics.get(name);
      if (!(metric instanceof Counter || metric instanceof Gauge)) return;
      Object.assign(metric, {
        collect: () => {
          metric.reset();
          if (metric instanceof Gauge) metric.remove({});
          const value = read();
          const samples = typeof value === 'number' ? [{ labels: {}, value }] : (value ?? []);
          for (const sample of samples) metric.inc(sample.labels, sample.value);
        },
      });
    },
    text: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
