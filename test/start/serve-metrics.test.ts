import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import type { RunningServer } from '../../src/http/start-server.ts';
import { serveMetrics } from '../../src/start/serve-metrics.ts';
import { createMetrics, NO_METRICS } from '../../src/telemetry/create-metrics.ts';

const logs: { level: string; fields: Record<string, unknown> }[] = [];
const log = (level: string) => (fields: Record<string, unknown>) => void logs.push({ level, fields });
const logger = { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };

describe('METRICS_PORT', () => {
  let server: RunningServer | null = null;
  beforeAll(async () => {
    server = await serveMetrics({ config: parseConfig({ METRICS_PORT: '0' }), logger, metrics: await createMetrics() });
  });
  afterAll(() => server?.stop());
  const get = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${server?.port}${path}`, init);

  it('serves the metrics, and logs a scrape at debug', async () => {
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('# TYPE signpost_http_request_duration_seconds histogram');
    expect(logs.at(-1)).toMatchObject({ level: 'debug', fields: { path: '/metrics', status: 200 } });
  });

  it('serves nothing else', async () => {
    expect((await get('/files')).status).toBe(404);
    expect((await get('/metrics', { method: 'POST' })).status).toBe(405);
  });

  it('is off where it is not set', async () => {
    expect(await serveMetrics({ config: parseConfig({}), logger, metrics: NO_METRICS })).toBeNull();
  });

  it.each([
    ['the port of the service', { PORT: '4000', METRICS_PORT: '4000' }, 'PORT, METRICS_PORT: must be different ports'],
    [
      'the port of the embedded bucket',
      { PORT: '4000', METRICS_PORT: '4001' },
      'LOCAL_S3_PORT, METRICS_PORT: must be different ports',
    ],
    ['a word', { METRICS_PORT: 'x' }, 'METRICS_PORT'],
  ])('refuses %s', (_, env, message) => {
    expect(() => parseConfig(env)).toThrow(ConfigError);
    expect(() => parseConfig(env)).toThrow(message);
  });
});
