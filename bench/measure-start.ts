import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';
import { median } from './median.ts';
import { startService } from './start-service.ts';

const STARTS = 5;
const NPM = ['npm', 'start'] as const;
const NODE = [process.execPath, 'dist/main.js'] as const;

/** Milliseconds until the first 200: on the first start in an empty directory, and on later starts. */
export async function measureStart(directory: string) {
  const startOnce = async (command: Parameters<typeof startService>[0], dataDir: string, databaseUrl?: string) => {
    const service = await startService(command, join(directory, dataDir), databaseUrl);
    await service.stop();
    return service.startMs;
  };
  const again = async (run: () => Promise<number>) => {
    const times: number[] = [];
    for (let i = 0; i < STARTS; i++) times.push(await run());
    return median(times);
  };

  const npmFirstMs = await startOnce(NPM, 'start');
  const npmMs = await again(() => startOnce(NPM, 'start'));
  const nodeMs = await again(() => startOnce(NODE, 'start'));
  const buildMs = await again(async () => {
    const startedAt = performance.now();
    execFileSync(process.execPath, ['scripts/build.mjs']);
    return performance.now() - startedAt;
  });
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'database') });
  await startOnce(NODE, 'start', postgres.url);
  const nodeWithDatabaseMs = await again(() => startOnce(NODE, 'start', postgres.url));
  await postgres.stop();
  return { npmFirstMs, npmMs, nodeMs, buildMs, nodeWithDatabaseMs };
}
