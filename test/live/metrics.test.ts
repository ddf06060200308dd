import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../helpers/listen.ts';
import { readSamples } from '../telemetry/read-samples.ts';
import { ROOT, type Running, run } from './process.ts';

describe('the built program, watched', () => {
  let dir: string;
  let service: Running;
  let env: Record<string, string>;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'signpost-metrics-'));
    env = { PORT: await freePort(), LOCAL_S3_PORT: '0', METRICS_PORT: await freePort(), DATA_DIR: join(dir, 'data') };
    await run('node', ['scripts/build.mjs']).ended;
    service = run('node', ['--import', join(ROOT, 'test/live/print-spans.mjs'), 'dist/main.js'], env);
    await service.until(/TOKEN=/);
  });
  afterAll(async () => {
    await service.stop('SIGTERM');
    await rm(dir, { recursive: true, force: true });
  });

  it('serves its metrics on METRICS_PORT, and not on PORT', async () => {
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
    expect((await fetch(`http://127.0.0.1:${env.PORT}/files`, { headers })).status).toBe(401);
    const scraped = await (await fetch(`http://127.0.0.1:${env.METRICS_PORT}/metrics`)).text();
    const requests = 'signpost_http_request_duration_seconds_count{method="GET",route="/files",status="401"}';
    expect(readSamples(scraped)).toMatchObject({ [requests]: 1, signpost_database_waiting: 0 });
    expect((await fetch(`http://127.0.0.1:${env.PORT}/metrics`)).status).toBe(401);
  });

  it('gives its spans to the OpenTelemetry SDK that the process has loaded', async () => {
    await service.until(/^span GET \/files under b7ad6b7169203331$/m);
  });

  it('does not start where METRICS_PORT is taken, and names it', async () => {
    const second = run('node', ['dist/main.js'], { ...env, PORT: '0', DATA_DIR: join(dir, 'second') });
    expect((await second.ended).code).toBe(1);
    expect(second.output()).toMatch(/^METRICS_PORT: something else already listens on port \d+/);
  });
});
