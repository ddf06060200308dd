import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import { ConfigError, parseConfig } from './config.ts';
import { createLogger } from './create-logger.ts';
import { createApp } from './http/app.ts';
import { printWelcome } from './print-welcome.ts';
import { createServices } from './services.ts';

/** How long running requests may take to end after the signal to stop. */
const DRAIN_MS = 10_000;

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = parseConfig(process.env);
  const logger = await createLogger(config.logLevel, process.stdout.isTTY === true);
  const migrationsFolder = fileURLToPath(new URL('../drizzle', import.meta.url));
  const services = await createServices(config, { logger, migrationsFolder });

  const server = serve({ fetch: createApp(services).fetch, port: config.port, hostname: config.host });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  }).catch(async (error: unknown) => {
    await services.close();
    throw error;
  });

  let stopping = false;
  const stop = async (signal: string) => {
    // Asked twice, somebody is in a hurry.
    if (stopping) process.exit(1);
    stopping = true;
    logger.info({ signal }, 'stopping');
    const drained = new Promise<void>((resolve) => server.close(() => resolve()));
    const timer = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), DRAIN_MS);
    await drained;
    clearTimeout(timer);
    await services.close();
    process.exit(0);
  };
  process.on('SIGINT', (signal) => void stop(signal));
  process.on('SIGTERM', (signal) => void stop(signal));

  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : config.port;
  logger.info({ host: config.host, port }, 'listening');
  if (!config.production) await printWelcome(config, port, services.now);
}

main().catch((error: unknown) => {
  const heading = error instanceof ConfigError ? 'with these settings:\n' : '';
  console.error(`Signpost cannot start: ${heading}${reasons(error).join('\n  because: ')}`);
  process.exit(1);
});

/** The messages of an error and its causes. */
function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  return [error.message, ...(error.cause === undefined ? [] : reasons(error.cause))];
}
