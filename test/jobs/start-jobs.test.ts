import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startJobs } from '../../src/jobs/start-jobs.ts';
import { startTestService, type TestService, withConfig } from '../helpers/test-service.ts';

describe('the jobs of a service', () => {
  let service: TestService;

  beforeAll(async () => {
    service = await startTestService({ env: { JOBS_INTERVAL_SECONDS: '1' } });
  });
  afterAll(() => service.close());

  const swept = () => service.logs.filter(({ message }) => message === 'sweep');
  const failed = () => service.logs.filter(({ message }) => message.startsWith('sweep failed'));

  it('sweep repeatedly, on any instance, until they are stopped', async () => {
    await service.store('alice', 'a file');
    const instances = [startJobs(service.services, () => 0), startJobs(service.services, () => 0)];
    await expect.poll(() => swept().length).toBeGreaterThanOrEqual(3);
    for (const { fields } of swept()) expect(fields).toMatchObject({ listed: 1, abandoned: 0 });
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
