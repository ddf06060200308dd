import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService } from '../helpers/test-service.ts';
import { dashboardQueries, MONITORING } from '../telemetry/monitoring-files.ts';

/** Runs Prometheus's own checker; resolves with what it says where it finds nothing wrong. */
function promtool(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.env.TEST_PROMTOOL ?? '', args, (error, stdout, stderr) => {
      if (error === null) resolve(`${stdout}${stderr}`);
      else reject(new Error(`${stdout}${stderr}`));
    });
    child.stdin?.end(input);
  });
}

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signpost-promtool-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('promtool', () => {
  it('accepts the alert rules, and sees them fire when they should and only then', async () => {
    await promtool(['check', 'rules', join(MONITORING, 'alerts.yml')]);
    await promtool(['test', 'rules', join(MONITORING, 'alerts.test.yml')]);
  });

  it('accepts the queries of the dashboard', async () => {
    const rules = dashboardQueries().map((query, n) => ({
      record: `dashboard:query_${n}`,
      // Grafana puts values in their place.
      expr: query.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
    }));
    // JSON is YAML.
    await writeFile(join(dir, 'rules.yml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(await promtool(['check', 'rules', join(dir, 'rules.yml')])).toContain(`${rules.length} rules found`);
  });

  it('accepts the metrics of a service, and finds nothing against their names', async () => {
    const service = await startTestService({ env: { METRICS_PORT: '0' } });
    try {
      const { fileId } = await service.store('alice', 'hello');
      await service.call('alice', '/presign-download', { fileId });
      expect(await promtool(['check', 'metrics'], (await service.services.metrics.text()).text)).toBe('');
    } finally {
      await service.close();
    }
  });
});
