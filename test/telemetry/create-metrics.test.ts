import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createMetrics, NO_METRICS } from '../../src/telemetry/create-metrics.ts';
import { joinMetrics, keepCounters } from '../../src/telemetry/join-metrics.ts';
import { METRICS } from '../../src/telemetry/metric-table.ts';
import { watchProcess } from '../../src/telemetry/watch-process.ts';
import { readSamples } from './read-samples.ts';

describe('the table of metrics', () => {
  it('follows the naming rules of Prometheus', () => {
    for (const [name, { type, help, labels }] of Object.entries(METRICS)) {
      expect(name).toMatch(/^(signpost|process|nodejs)_[a-z0-9_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help, name).toMatch(/^\S.*\.$/);
      // These are Prometheus's own.
      for (const label of labels) expect(label).toMatch(/^(?!(job|instance|le|quantile)$)[a-z]+$/);
    }
  });

  it('is in docs/monitoring.md', () => {
    const docs = readFileSync(new URL('../../docs/monitoring.md', import.meta.url), 'utf8');
    const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) =>
      ['', `\`${name}\``, type, labels.map((label) => `\`${label}\``).join(', '), help, ''].join(' | ').trim(),
    );
    const documented = docs.split('\n').filter((line) => /^\| `\w+` \| (counter|gauge|histogram) \|/.test(line));
    expect(documented.map((row) => row.replaceAll('| |', '|  |'))).toEqual(rows);
  });

  it('has no label for a user, a key, a file or a path', () => {
    const labels = Object.values(METRICS).flatMap((metric): readonly string[] => metric.labels);
    expect(labels.filter((label) => /user|owner|key|file|path|id$|address/.test(label))).toEqual([]);
  });
});

describe('metrics', () => {
  it('are counted, observed and read', async () => {
    const metrics = await createMetrics();
    metrics.count('signpost_presigned_uploads_total', { method: 'PUT' });
    metrics.count('signpost_presigned_uploads_total', { method: 'PUT' }, 2);
    metrics.observe('signpost_bucket_request_duration_seconds', { operation: 'HeadObject' }, 0.003);
    let waiting: number | null = null;
    metrics.watch('signpost_database_waiting', () => waiting);
    metrics.watch('signpost_sweep_refusals_total', () => 7);
    metrics.watch('signpost_lease_held', () => [{ labels: { lease: 'sweep' }, value: 1 }]);
    const first = readSamples((await metrics.text()).text);
    expect(first).toMatchObject({
      'signpost_presigned_uploads_total{method="PUT"}': 3,
      'signpost_bucket_request_duration_seconds_bucket{le="0.002",operation="HeadObject"}': 0,
      'signpost_bucket_request_duration_seconds_bucket{le="0.005",operation="HeadObject"}': 1,
      signpost_sweep_refusals_total: 7,
      'signpost_lease_held{lease="sweep"}': 1,
    });
    expect(first).not.toHaveProperty('signpost_database_waiting');
    waiting = 4;
    const second = readSamples((await metrics.text()).text);
    expect(second).toMatchObject({ signpost_database_waiting: 4, signpost_sweep_refusals_total: 7 });
  });

  it('have only values that were measured: no gauge is 0 before', async () => {
    const samples = readSamples((await (await createMetrics()).text()).text);
    const counters = Object.entries(METRICS).filter(
      ([, { type, labels }]) => type === 'counter' && labels.length === 0,
    );
    expect(Object.keys(samples).sort()).toEqual(counters.map(([name]) => name).sort());
  });

  it('belong to their instance', async () => {
    const [one, other] = await Promise.all([createMetrics(), createMetrics()]);
    one.count('signpost_presigned_downloads_total', {});
    expect(readSamples((await one.text()).text).signpost_presigned_downloads_total).toBe(1);
    expect(readSamples((await other.text()).text).signpost_presigned_downloads_total).toBe(0);
  });

  it('are empty where nothing is counted', async () => {
    NO_METRICS.count('signpost_presigned_downloads_total', {});
    expect((await NO_METRICS.text()).text).toBe('');
  });
});

describe('the metrics of the process', () => {
  it('show a blocked event loop until the next scrape, and its CPU time', async () => {
    const metrics = await createMetrics();
    const stop = watchProcess(metrics);
    try {
      const read = async () => readSamples((await metrics.text()).text);
      const before = await read();
      let after = before;
      // Measured is what is between two ticks of a timer: where there was none yet, the next block shows.
      const block = async () => {
        await sleep(50);
        const until = performance.now() + 300;
        while (performance.now() < until);
        await sleep(50);
        after = await read();
        return after.nodejs_eventloop_lag_max_seconds;
      };
      await expect.poll(block).toBeGreaterThan(0.2);
      expect(after.nodejs_eventloop_lag_p99_seconds).toBeGreaterThan(0.2);
      const busy =
        (after.nodejs_eventloop_active_seconds_total ?? 0) - (before.nodejs_eventloop_active_seconds_total ?? 0);
      expect(busy).toBeGreaterThan(0.2);
      expect(after.process_cpu_seconds_total).toBeGreaterThan(before.process_cpu_seconds_total ?? 0);
      expect(after.process_resident_memory_bytes).toBeGreaterThan(1e7);
      const startedMsAgo = Date.now() - (after.process_start_time_seconds ?? 0) * 1000;
      expect(startedMsAgo).toBeGreaterThan(0);
      expect(startedMsAgo).toBeLessThan(3_600_000);
    } finally {
      stop();
    }
  });
});

describe('the metrics of several processes', () => {
  it('are added up, or the highest counts; of a process that has ended, the counters stay', async () => {
    const textOf = async (count: number) => {
      const metrics = await createMetrics();
      metrics.count('signpost_presigned_uploads_total', { method: 'PUT' }, count);
      metrics.count('signpost_http_problems_total', { code: `a "b" {c="d"} ${count}` });
      metrics.observe('signpost_bucket_request_duration_seconds', { operation: 'HeadObject' }, count / 1000);
      metrics.watch('signpost_database_waiting', () => count);
      metrics.watch('nodejs_eventloop_lag_max_seconds', () => count);
      return (await metrics.text()).text;
    };
    const [one, two, ended] = await Promise.all([textOf(1), textOf(4), textOf(3)]);
    const joined = joinMetrics([keepCounters(ended), one, two]);
    expect(readSamples(joined)).toMatchObject({
      'signpost_presigned_uploads_total{method="PUT"}': 8,
      'signpost_bucket_request_duration_seconds_bucket{le="0.002",operation="HeadObject"}': 1,
      'signpost_bucket_request_duration_seconds_bucket{le="0.005",operation="HeadObject"}': 3,
      'signpost_bucket_request_duration_seconds_sum{operation="HeadObject"}': 0.008,
      'signpost_bucket_request_duration_seconds_count{operation="HeadObject"}': 3,
      'signpost_http_problems_total{code="a \\"b\\" {c=\\"d\\"} 4"}': 1,
      signpost_database_waiting: 5,
      nodejs_eventloop_lag_max_seconds: 4,
    });
    // In the same format: the same lines but for the values.
    const shape = (text: string) => text.replace(/^([^#].*) \S+$/gm, '$1');
    expect(shape(joinMetrics([one]))).toBe(shape(one));
    expect(joinMetrics([joined])).toBe(joined);
  });
});
