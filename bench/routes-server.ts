import { monitorEventLoopDelay } from 'node:perf_hooks';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { parseConfig } from '../src/config/config.ts';
import { createApp } from '../src/http/app.ts';
import { createLogger } from '../src/start/create-logger.ts';
import { createServices } from '../src/start/services.ts';
import { createMetrics } from '../src/telemetry/create-metrics.ts';

/** This process's messages to the measuring one: first its address, then its usage whenever asked. */
export type Ports = { app: number; counted: number; echo: number };
/** `stallMs` is the longest delay of the event loop since it was asked last. */
export type Usage = { cpuMicroseconds: number; stallMs: number };

const RESOLUTION_MS = 5;

/** The whole service as in `src/main.ts`, without and with metrics, and Hono's own JSON echo in the same process. */
async function main(): Promise<void> {
  const config = parseConfig(process.env);
  const logger = await createLogger(config.server.logLevel, false);
  const services = await createServices(config, { logger });
  const echo = new Hono().post('/', async (c) => c.json(await c.req.json()));

  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const stallMs = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
    delay.reset();
    process.send?.({ cpuMicroseconds: user + system, stallMs } satisfies Usage);
  });
  process.on('disconnect', () => void services.close().finally(() => process.exit()));
  const counted = createApp({ ...services, metrics: await createMetrics() });
  const ports = { app: await listen(createApp(services)), counted: await listen(counted), echo: await listen(echo) };
  process.send?.(ports satisfies Ports);
}

function listen({ fetch }: { fetch: Parameters<typeof serve>[0]['fetch'] }): Promise<number> {
  return new Promise((resolve) => {
    serve({ fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => resolve(port));
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
