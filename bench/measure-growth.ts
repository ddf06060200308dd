import { join } from 'node:path';
import type pg from 'pg';
import { migrateDatabase } from '../src/db/migrate-database.ts';
import { fillFiles, OWNER } from './fill-files.ts';
import { startService } from './start-service.ts';
import { connect, databaseUrl, withServer } from './with-database.ts';

const SMALL = 10_000;
const ROUNDS = 200;
const WARM_UP = 50;
/** All files span the same time, however many there are. */
const SPAN_SECONDS = 110_000_000;

type Service = Awaited<ReturnType<typeof startService>>;
type Side = { client: pg.Client; service: Service };
export type GrowthFigure = { name: string; smallMs: number; largeMs: number };

/**
 * Sends the same requests in turns to two services, one with 10,000 files in its database and one with `rows`: the
 * 10th percentile of whole requests, in milliseconds, because other processes slow down most of them. In both, a tenth
 * of the files belong to one user, and the others to users with 100 files each. A server of `TEST_DATABASE_URL`
 * (`withServer`) keeps the databases for the next time, because filling a large one takes long: `drop database
 * growth_…` removes it.
 */
export function measureGrowth(directory: string, rows: number): Promise<GrowthFigure[]> {
  return withServer(directory, async (server) => {
    const open = async (count: number): Promise<Side> => {
      const url = await openFilled(server, count);
      return {
        client: await connect(url),
        service: await startService([process.execPath, 'dist/main.js'], join(directory, `growth-${count}`), url),
      };
    };
    const sides = { small: await open(SMALL), large: await open(rows) };
    try {
      return [
        ...(await measureUser(sides, OWNER, `the user with ${rows / 10} files`)),
        ...(await measureUser(sides, 'user-7', 'a user with 100 files')),
      ];
    } finally {
      for (const { client, service } of Object.values(sides)) {
        await client.end();
        await service.stop();
      }
    }
  });
}

/** A database with that many files, which is filled if it is new. */
async function openFilled(server: string, count: number): Promise<string> {
  const name = `growth_${count}`;
  const admin = await connect(server);
  const { rowCount } = await admin.query('select from pg_database where datname = $1', [name]);
  if (rowCount === 0) await admin.query(`create database ${name}`);
  await admin.end();
  const url = databaseUrl(server, name);
  await migrateDatabase({ url });
  const client = await connect(url);
  const { rowCount: filled } = await client.query('select from files limit 1');
  if (filled === 0) {
    const other = `'user-' || abs(hashint4(n)) % ${Math.ceil((count * 0.9) / 100)}`;
    const owner = `case when abs(hashint4(n)) % 10 = 0 then '${OWNER}' else ${other} end`;
    await fillFiles(client, { from: 1, to: count, secondsApart: SPAN_SECONDS / count, owner });
    await client.query(`
      insert into file_usage (owner_id, size_bytes, files)
      select owner_id, sum(size_bytes), count(*) from files where status in ('active', 'archived') group by owner_id`);
    await client.query('vacuum analyze file_usage');
  }
  await client.end();
  return url;
}

async function measureUser(sides: Record<'small' | 'large', Side>, user: string, whose: string) {
  const times = new Map<string, Record<'small' | 'large', number[]>>();
  const requests = {
    small: await requestsOf(sides.small, user),
    large: await requestsOf(sides.large, user),
  };
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    for (const name of requests.small.keys()) {
      const both = times.get(name) ?? { small: [], large: [] };
      times.set(name, both);
      for (const side of round % 2 === 0 ? (['small', 'large'] as const) : (['large', 'small'] as const)) {
        const { prepare = async () => undefined, send } = requests[side].get(name) as Request;
        const prepared = await prepare();
        const startedAt = performance.now();
        await send(prepared);
        if (round >= WARM_UP) both[side].push(performance.now() - startedAt);
      }
    }
  }
  return [...times].map(([name, { small, large }]) => ({
    name: `${name}, ${whose}`,
    smallMs: undisturbed(small),
    largeMs: undisturbed(large),
  }));
}

function undisturbed(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 10)] ?? Number.NaN;
}

type Request = { prepare?: () => Promise<unknown>; send: (prepared: unknown) => Promise<unknown> };

async function requestsOf({ client, service }: Side, user: string): Promise<Map<string, Request>> {
  const token = await service.mint(user);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const call = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await fetch(`${service.url}${path}`, { headers, ...init });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as Record<string, string> & { headers: Record<string, string> };
  };
  const { rows: ids } = await client.query(
    `select id from files where owner_id = $1 and status = 'active' order by random() limit 1000`,
    [user],
  );
  let next = 0;
  const upload = async () => {
    const asked = { fileName: 'contract invoice 12345.txt', contentType: 'text/plain', size: 1, method: 'PUT' };
    const { presignedUrl = '', objectKey, headers: signed } = await call('/presign-upload', asked);
    const { ok } = await fetch(presignedUrl, { method: 'PUT', body: 'a', headers: signed });
    if (!ok) throw new Error('the bucket refused an upload');
    return { objectKey };
  };
  return new Map<string, Request>([
    ['list', { send: () => call('/files') }],
    ['list by name', { send: () => call('/files?sort=fileName') }],
    ['search for a common word', { send: () => call('/files?q=contract') }],
    ['search for one in 200', { send: () => call('/files?q=orchid') }],
    ['usage', { send: () => call('/usage') }],
    ['download', { send: () => call('/presign-download', { fileId: ids[next++ % ids.length].id }) }],
    ['confirm', { prepare: upload, send: (uploaded) => call('/confirm-upload', uploaded) }],
  ]);
}
