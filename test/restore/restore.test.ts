import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { grantRuntimeRights } from '../../src/db/runtime-rights.ts';
import { rebuildFiles } from '../../src/jobs/rebuild-files.ts';
import { sweep } from '../../src/jobs/sweep.ts';
import { freePort } from '../helpers/listen.ts';
import { startTestBucket, startTestService, type TestService } from '../helpers/test-service.ts';
import { withClocks } from '../jobs/with-clocks.ts';
import {
  type Cluster,
  initCluster,
  makeFolder,
  postgresProgram,
  removeFolders,
  startCluster,
} from './start-cluster.ts';

const DAYS_MS = 2 * 86_400_000;
const LATER = { bucket: DAYS_MS, database: DAYS_MS, host: DAYS_MS };

/** With PostgreSQL's own tools, as in "Restoring" of docs/operating.md. */
describe('a database restored', () => {
  let bucket: Awaited<ReturnType<typeof startTestBucket>>;
  const opened: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    bucket = await startTestBucket();
    opened.push(bucket.close);
  });
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
    await removeFolders();
  });

  const start = async (directory: string, port: string, settings: readonly string[] = []): Promise<Cluster> => {
    const cluster = await startCluster({ directory, port, settings });
    opened.push(cluster.stop);
    return cluster;
  };
  const serve = async (url: string): Promise<TestService> => {
    const service = await startTestService({ env: { ...bucket.env, DATABASE_URL: url } });
    opened.push(service.close);
    return service;
  };
  const closeLast = () => opened.pop()?.();

  /** Sweeps are refused, then the rows are rebuilt, then the bucket is adopted. */
  const bringBack = async (url: string, sentence: string, lost: { objectKey: string }) => {
    const restored = await serve(url);
    await expect(sweep(withClocks(restored.services, LATER))).rejects.toThrow(sentence);
    // A running service does not change that.
    await restored.store('alice', 'confirmed after the restore');
    await restored.services.watermark.settle();
    await expect(sweep(withClocks(restored.services, LATER))).rejects.toThrow(sentence);

    const rebuilding = { ...restored.services, files: restored.services.filesWithoutQuota };
    expect(await rebuildFiles(rebuilding, { dryRun: true })).toMatchObject({ made: 1, unverified: 0 });
    expect(await rebuildFiles(rebuilding)).toMatchObject({ made: 1, unverified: 0 });
    await sweep(restored.services, { adopt: true });
    const { counts } = await sweep(withClocks(restored.services, LATER));
    expect(counts).toMatchObject({ listed: 3, abandoned: 0, stray: 0, missing: 0 });
    expect(String(await bucket.read(lost.objectKey))).toBe('after the backup');
    const { body } = await restored.call<{ files: unknown[] }>('alice', '/files');
    expect(body.files).toHaveLength(3);
  };

  it('to a point in time, in the same cluster', async () => {
    const [directory, folder, port] = [await initCluster(), await makeFolder(), await freePort()];
    const archive = [`-c archive_mode=on`, `-c archive_command='cp %p ${folder}/%f'`];
    const cluster = await start(directory, port, archive);
    const service = await serve(cluster.url);
    await service.store('alice', 'before the backup');
    await service.services.watermark.settle();
    const backup = join(await makeFolder(), 'data');
    await postgresProgram('pg_basebackup', ['-d', cluster.url, '-D', backup, '-c', 'fast']);
    const [{ at } = {}] = await cluster.query('select clock_timestamp()::text as at');
    const lost = await service.store('alice', 'after the backup');
    const [{ file } = {}] = await cluster.query('select pg_walfile_name(pg_switch_wal()) as file');
    const archived = () => cluster.query(`select 1 from pg_stat_archiver where last_archived_wal >= '${file}'`);
    await expect.poll(archived).toHaveLength(1);
    await closeLast();
    await cluster.stop();
    opened.pop();

    const recovery = [
      `restore_command = 'cp ${folder}/%f %p'`,
      `recovery_target_time = '${at}'`,
      `recovery_target_action = promote`,
    ];
    await appendFile(join(backup, 'postgresql.auto.conf'), `\n${recovery.join('\n')}\n`);
    await writeFile(join(backup, 'recovery.signal'), '');
    const restored = await start(backup, port);
    const isPrimary = () => restored.query('select 1 where not pg_is_in_recovery()');
    await expect.poll(isPrimary).toHaveLength(1);
    await bringBack(restored.url, 'the database was restored to an earlier time', lost);
  });

  it('from a dump, in another cluster', async () => {
    const cluster = await start(await initCluster(), await freePort());
    const other = await start(await initCluster(), await freePort());
    const service = await serve(cluster.url);
    await service.store('alice', 'before the backup');
    await cluster.query('create role app login');
    await grantRuntimeRights({ url: cluster.url }, 'app');
    const dump = await postgresProgram('pg_dump', ['-d', cluster.url]);
    const lost = await service.store('alice', 'after the backup');
    await other.query('create role signpost_app nologin noinherit nobypassrls');
    await other.query('create role app login');
    await restoreDump(other, dump);
    await bringBack(other.url, 'in another cluster', lost);
    await expect(sweep(service.services)).rejects.toThrow('in another cluster');
  });

  it('from a dump, in the same cluster', async () => {
    const cluster = await start(await initCluster(), await freePort());
    const service = await serve(cluster.url);
    await service.store('alice', 'before the backup');
    await service.services.watermark.settle();
    const dump = await postgresProgram('pg_dump', ['--clean', '--if-exists', '-d', cluster.url]);
    const lost = await service.store('alice', 'after the backup');
    await closeLast();
    await restoreDump(cluster, dump);
    await bringBack(cluster.url, 'was restored from a dump', lost);
  });

  const restoreDump = async (cluster: Cluster, dump: string) => {
    const file = join(await makeFolder(), 'dump.sql');
    await writeFile(file, dump);
    await postgresProgram('psql', ['-q', '-v', 'ON_ERROR_STOP=1', '-d', cluster.url, '-f', file]);
  };
});
