import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startJobs } from '../../src/jobs/start-jobs.ts';
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
