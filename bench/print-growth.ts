import { measureFind } from './measure-find.ts';
import { measureGrowth } from './measure-growth.ts';
import { measureInsert } from './measure-insert.ts';
import { measureMigrations } from './measure-migrations.ts';
import { measureSweep } from './measure-sweep.ts';
import { mebibytes, printTable, seconds } from './print-table.ts';

export async function printFind(directory: string): Promise<void> {
  const figures = await measureFind(directory);
  printTable(
    'A page of 50 out of 1,000,000 files of one user',
    ['', 'files', 'statements', 'planning', 'executing', 'together', 'target'],
    figures.map(({ name, found, statements, planMs, runMs }) => [
      name,
      String(found),
      String(statements),
      ...[planMs, runMs, planMs + runMs].map((ms) => `${ms.toFixed(1)} ms`),
      planMs + runMs <= 5 ? '≤ 5 ms' : '≤ 5 ms: **missed**',
    ]),
  );
}

export async function printInsert(directory: string): Promise<void> {
  const rows = Number(process.argv[3] ?? 300_000);
  const figures = await measureInsert(directory, rows);
  printTable(
    `A row added to ${rows} files, by the indexes for finding files`,
    ['', 'CPU µs of the database'],
    figures.map(({ name, microseconds }) => [name, microseconds.toFixed(1)]),
  );
}

export async function printGrowth(directory: string): Promise<void> {
  const rows = Number(process.argv[3] ?? 10_000_000);
  const figures = await measureGrowth(directory, rows);
  printTable(
    `Requests with 10,000 files in the database, and with ${rows}`,
    ['', 'with 10,000', `with ${rows}`, 'ratio', 'target'],
    figures.map(({ name, smallMs, largeMs }) => {
      const ratio = largeMs / smallMs;
      const ms = [smallMs, largeMs].map((time) => `${time.toFixed(2)} ms`);
      return [name, ...ms, ratio.toFixed(2), `≤ 1.5${ratio <= 1.5 ? '' : ': **missed**'}`];
    }),
  );
}

export async function printSweep(directory: string): Promise<void> {
  const given = process.argv.slice(3).map(Number);
  const figures = await measureSweep(directory, given.length === 0 ? [10_000, 100_000] : given);
  printTable(
    '`npm run sweep`, a row for each object',
    ['objects', 'start of the embedded bucket', 'time', 'highest RSS'],
    figures.map(({ objects, startSeconds, seconds, peakRssBytes }) => [
      String(objects),
      startSeconds === null ? '' : `${startSeconds.toFixed(1)} s`,
      `${seconds.toFixed(1)} s`,
      mebibytes(peakRssBytes),
    ]),
  );
}

export async function printMigrations(directory: string): Promise<void> {
  const rows = Number(process.argv[3] ?? 1_000_000);
  const figures = await measureMigrations(directory, rows);
  printTable(
    `Migrations with ${rows} files`,
    ['', 'takes', 'longest read meanwhile'],
    figures.map(({ tag, tookMs, longestReadMs }) => [tag, seconds(tookMs), seconds(longestReadMs)]),
  );
}
