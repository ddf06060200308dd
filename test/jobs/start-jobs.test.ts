import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MARKER_NAME } from '../../src/jobs/examine-marker.ts';
import { runJobs, startJobs } from '../../src/jobs/start-jobs.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { startTestService, type TestService, withConfig } from '../helpers/test-service.ts';
import { readSamples } from '../telemetry/read-samples.ts';

describe('the jobs of a service', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ env: { JOBS_INTERVAL_SECONDS: '1', METRICS_PORT: '0' } });
  });
  afterAll(() => service.close());

  const swept = () => service.logs.filter(({ message }) => message === 'sweep');
  const failed = () => service.logs.filter(({ message }) => message.startsWith('sweep failed'));

  it('are in the metrics: their outcomes, what a sweep counted, when it finished, and who holds the lease', async () => {
    const samples = async () => readSamples((await service.services.metrics.text()).text);
    const { sweepQueries } = service.services;
    let during: Record<string, number> = {};
    const saveState: typeof sweepQueries.saveState = async (state) => {
      during = await samples();
      await sweepQueries.saveState(state);
    };
    await service.store('alice', 'a file in the metrics');
    expect(await samples()).not.toHaveProperty('signpost_sweep_finished_timestamp_seconds');
    const stop = startJobs({ ...service.services, sweepQueries: { ...sweepQueries, saveState } }, () => 0);
    const outcome = (task: string, of: string) => `signpost_job_runs_total{outcome="${of}",task="${task}"}`;
    await expect.poll(async () => (await samples())[outcome('seal', 'done')]).toBeGreaterThan(0);
    await stop();
    const after = await samples();
    expect(during).toMatchObject({ 'signpost_lease_held{lease="sweep"}': 1 });
    expect(after).toMatchObject({
      [outcome('sweep', 'done')]: swept().length,
      'signpost_lease_held{lease="sweep"}': 0,
      'signpost_sweep_objects_total{result="listed"}': swept().length,
      'signpost_sweep_objects_total{result="missing"}': 0,
      signpost_sweep_refused: 0,
      signpost_sweep_refusals_total: 0,
    });
    const state = await sweepQueries.readState();
    expect(after.signpost_sweep_finished_timestamp_seconds).toBe((state?.finishedAt?.getTime() ?? 0) / 1000);
  });

  it('sweep repeatedly, on any instance, until they are stopped', async () => {
    await service.store('alice', 'a file');
    const instances = [startJobs(service.services, () => 0), startJobs(service.services, () => 0)];
    const before = swept().length;
    await expect.poll(() => swept().length).toBeGreaterThanOrEqual(before + 3);
    for (const { fields } of swept().slice(before)) expect(fields).toMatchObject({ listed: 2, abandoned: 0 });
    await Promise.all(instances.map((stop) => stop()));
    const { length } = swept();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(swept()).toHaveLength(length);
    expect(failed()).toEqual([]);
  });

  it('continue after a failure, which is logged', async () => {
    const { sweepQueries } = service.services;
    let failures = 0;
    const readState: typeof sweepQueries.readState = async () => {
      if (failures++ === 0) throw new Error('the database is away');
      return sweepQueries.readState();
    };
    const { length } = swept();
    const stop = startJobs({ ...service.services, sweepQueries: { ...sweepQueries, readState } }, () => 0);
    await expect.poll(() => swept().length).toBeGreaterThan(length);
    await stop();
    expect(failed()).toHaveLength(1);
  });

  it('refuse to sweep for another database: said once, counted, and the audit log is sealed all the same', async () => {
    const services = withConfig(service.services, 'jobs', { intervalSeconds: 0 });
    const samples = async () => readSamples((await services.metrics.text()).text);
    const run = () => runJobs(services, new AbortController().signal);
    const { length } = service.logs;
    const sealRuns = (all: Record<string, number>) =>
      Object.keys(all).reduce((sum, name) => sum + (name.endsWith('task="seal"}') ? (all[name] ?? 0) : 0), 0);
    const before = sealRuns(await samples());
    await service.bucket.write(MARKER_NAME, 'of another program');
    for (const _ of [1, 2]) await expect(run()).rejects.toThrow('nothing is swept');
    const said = service.logs.slice(length).filter(({ level }) => level === 'error');
    expect(said.map(({ message }) => message)).toEqual([expect.stringContaining('nothing is swept')]);
    expect(sealRuns(await samples())).toBe(before + 2);
    expect(await samples()).toMatchObject({
      'signpost_job_runs_total{outcome="refused",task="sweep"}': 2,
      signpost_sweep_refused: 1,
      signpost_sweep_refusals_total: 2,
    });
    await sweep(services, { adopt: true });
    await run();
    expect(await samples()).toMatchObject({ signpost_sweep_refused: 0, signpost_sweep_refusals_total: 2 });
  });

  it('leave out a sweep that has just finished, but not if it finished in the future', async () => {
    const services = withConfig(service.services, 'jobs', { intervalSeconds: 3600 });
    const run = (more = {}) => runJobs({ ...services, ...more }, new AbortController().signal);
    await run();
    const { length } = swept();
    await run();
    expect(swept()).toHaveLength(length);
    await run({ now: () => new Date(Date.now() - 86_400_000) });
    expect(swept()).toHaveLength(length + 1);
  });

  it('do not run with an interval of 0', async () => {
    const { services } = service;
    const { length } = failed();
    const exclusively = () => Promise.reject(new Error('there is a job'));
    const stop = startJobs({ ...withConfig(services, 'jobs', { intervalSeconds: 0 }), exclusively }, () => 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await stop();
    expect(failed()).toHaveLength(length);
  });
});
