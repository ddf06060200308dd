import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';
import { median } from './median.ts';
import { startBackends } from './start-routes-server.ts';
import { startService } from './start-service.ts';

const STARTS = 5;
const NPM = ['npm', 'start'] as const;
const NODE = [process.execPath, 'dist/main.js'] as const;

/** Milliseconds until the first 200 on `/readyz`: on the first start in an empty directory, and on later starts. */
export async function measureStart(directory: string) {
  const startOnce = async (command: Parameters<typeof startService>[0], dataDir: string, databaseUrl?: string) => {
    const service = await startService(command, join(directory, dataDir), databaseUrl);
    await service.stop();
    return service.ready.ms;
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

const PRODUCTION_STARTS = 9;

type Moment = { ms: number; cpuMs: number };
export type ProductionStart = { name: string; alive: Moment; ready: Moment };

/**
 * Starts in production, with a bucket and a database that run already: medians of the time until the first 200 on
 * `/healthz` and on `/readyz`, and of the CPU time until then.
 * @param older a checkout of another commit, built, that starts in turns with this one.
 */
export async function measureProductionStart(directory: string, older?: string): Promise<ProductionStart[]> {
  const { env, close } = await startBackends(join(directory, 'production'));
  const programs = [
    { name: 'this commit', command: NODE },
    ...(older === undefined
      ? []
      : [{ name: older, command: [process.execPath, join(older, 'dist/main.js')] as const }]),
  ];
  const starts = new Map<string, Omit<ProductionStart, 'name'>[]>(programs.map(({ name }) => [name, []]));
  try {
    for (let i = 0; i <= PRODUCTION_STARTS; i++) {
      for (const { name, command } of programs) {
        const service = await startService(command, join(directory, 'none'), env.DATABASE_URL, env);
        await service.stop();
        // The first one migrates the database.
        if (i > 0) starts.get(name)?.push(service);
      }
    }
  } finally {
    await close();
  }
  return [...starts].map(([name, all]) => ({
    name,
    alive: middleOf(all.map(({ alive }) => alive)),
    ready: middleOf(all.map(({ ready }) => ready)),
  }));
}

function middleOf(moments: readonly Moment[]): Moment {
  return { ms: median(moments.map(({ ms }) => ms)), cpuMs: median(moments.map(({ cpuMs }) => cpuMs)) };
}
