import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import { addFiles, COLUMNS, fillFiles, readFindIndexes } from './fill-files.ts';
import { median } from './median.ts';
import { withDatabase } from './with-database.ts';

const ROUNDS = 3;
const INSERTS = 10_000;
/** `/proc/<pid>/stat` counts CPU time in hundredths of a second. */
const TICK_US = 10_000;

export type InsertFigure = { name: string; microseconds: number };

/**
 * What inserting one row of `files` costs the database, in microseconds of its CPU time, with so many rows already
 * there: without the indexes for finding, with each of them alone, and with all. Without the count of the owner's
 * quota, the row in the audit log and the commit. The server (`withServer`) must run on this machine.
 */
export function measureInsert(directory: string, rows: number): Promise<InsertFigure[]> {
  return withDatabase(directory, async (client) => {
    await fillFiles(client, { from: 1, to: rows });
    return measureEach(client, rows);
  });
}

async function measureEach(client: pg.Client, rows: number): Promise<InsertFigure[]> {
  const indexes = await readFindIndexes(client);
  const figures: InsertFigure[] = [];
  let last = rows;
  const measure = async (name: string) => {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await client.query(`create temp table staged as select ${COLUMNS} from files where false`);
      await addFiles(client, 'staged', { from: last + 1, to: last + INSERTS });
      last += INSERTS;
      times.push(await insertSingly(client));
      await client.query('drop table staged');
    }
    figures.push({ name, microseconds: median(times) });
  };
  await client.query('alter table files disable trigger files_count_usage');
  await measure('all of them');
  for (const index of indexes.keys()) await client.query(`drop index ${index}`);
  await measure('none of them');
  for (const [index, create] of indexes) {
    await client.query(create);
    await measure(`\`${index}\` alone`);
    await client.query(`drop index ${index}`);
  }
  return figures.reverse();
}

/** Microseconds of the server's CPU time for each of the rows in `staged`. */
async function insertSingly(client: pg.Client): Promise<number> {
  const { rows } = await client.query('select pg_backend_pid() as pid');
  const before = await cpuMicroseconds(rows[0].pid);
  await client.query(`
    do $$ declare row staged; begin
      for row in select * from staged loop insert into files (${COLUMNS}) values (row.*); end loop;
    end $$`);
  return ((await cpuMicroseconds(rows[0].pid)) - before) / INSERTS;
}

async function cpuMicroseconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // After the name in parentheses: the state is field 3, user and system time are 14 and 15 (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}
