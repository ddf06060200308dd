import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { chooseLauncher } from './choose-launcher.ts';
import { createCluster, POSTGRES_USER } from './create-cluster.ts';
import { findPostgresBinaries } from './find-postgres-binaries.ts';
import { keepPostmaster } from './keep-postmaster.ts';
import { startPostmaster, stopPostmaster } from './start-postmaster.ts';

/**
 * What `pg` otherwise takes from the environment, where it is meant for another server: PGSSLMODE (it is in each `.env`
 * of Neon's), PGSSLNEGOTIATION, PGOPTIONS, PGREPLICATION.
 */
const CONNECTION = new URLSearchParams({
  sslmode: 'disable',
  sslnegotiation: 'postgres',
  options: '-c search_path=public',
  replication: 'false',
});

export type EmbeddedPostgres = {
  /** `postgres://…` with a superuser's password. It may be used whatever the environment says of another server. */
  url: string;
  /** Shuts the server down with its connections, and waits until it has stopped; no error if it has stopped already. */
  stop(): Promise<void>;
};

/**
 * A real PostgreSQL on this machine, for development: on 127.0.0.1 at a free port, with its data, its password and its
 * log in `directory` (created if missing, readable only by its owner; one service at a time). The data survives any end
 * of the service: a server that still runs on the directory is taken over. `log` receives a line, without secrets, for
 * each slow or unusual step. With `keepsRunning` a server that ends by itself is started again, at the same port.
 * `installed` is the folder of `installPostgres`, for a package that is not installed beside this one.
 *
 * Throws an `Error` with the reason and what to do if it cannot run.
 */
export async function startEmbeddedPostgres({
  directory,
  log = () => {},
  keepsRunning = false,
  installed,
}: {
  directory: string;
  installed?: string;
  log?: (line: string) => void;
  keepsRunning?: boolean;
}): Promise<EmbeddedPostgres> {
  const { initdb, postgres } = await findPostgresBinaries(installed);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // Without links, because a running server is identified by the path it was started with.
  const root = await realpath(directory);
  const launcher = await chooseLauncher(root, postgres);
  const { dataDirectory, password } = await createCluster(root, { launcher, initdb, log });
  const logFile = join(root, 'postgres.log');
  const options = { dataDirectory, logFile, launcher, postgres, log };
  const started = await startPostmaster(options);
  const { port } = started;
  const stopKeeping = keepsRunning ? keepPostmaster(started, options) : async () => {};
  return {
    url: `postgres://${POSTGRES_USER}:${password}@127.0.0.1:${port}/postgres?${CONNECTION}`,
    stop: async () => {
      await stopKeeping();
      await stopPostmaster(dataDirectory);
    },
  };
}
