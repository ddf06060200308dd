// npm run bench: every figure of bench/README.md from one run, as Markdown. Linux, with curl and taskset.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureMemory } from './measure-memory.ts';
import { measureRoutes } from './measure-routes.ts';
import { measureStart } from './measure-start.ts';
import { measureUpload } from './measure-upload.ts';

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'signpost-bench-'));
  try {
    print(`${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${availableParallelism()} cores`);

    const start = await measureStart(directory);
    printTable(
      'From the spawn to the first 200 on /healthz',
      ['', 'time', 'target'],
      [
        ['`npm start`, first time', seconds(start.npmFirstMs), '< 5 s'],
        ['`npm start`, again', seconds(start.npmMs), '< 1.5 s'],
        ['`node dist/main.js`', seconds(start.nodeMs), ''],
        ['`node dist/main.js`, its database running already', seconds(start.nodeWithDatabaseMs), ''],
        ['`node scripts/build.mjs`, nothing to build', seconds(start.buildMs), ''],
      ],
    );

    const memory = await measureMemory(directory);
    printTable(
      'RSS of the service, everything embedded',
      ['', 'RSS', 'target'],
      [
        ['at rest', mebibytes(memory.idleBytes), '< 120 MiB'],
        ...memory.loaded.map(({ requests, rssBytes }) => [
          `after ${requests} presigned uploads`,
          mebibytes(rssBytes),
          '',
        ]),
      ],
    );

    const upload = await measureUpload(directory);
    printTable(
      '1 GiB into the embedded bucket by presigned PUT',
      ['', 'measured', 'target'],
      [
        ['curl to the bucket', perSecond(upload.upload), ''],
        ['`dd bs=1M conv=fsync`', perSecond(upload.dd), ''],
        ['`cat` and `sync`', perSecond(upload.cat), ''],
        ['the bucket against `dd`', (upload.upload / upload.dd).toFixed(2), '≥ 0.5'],
        ['the bucket against `cat`', (upload.upload / upload.cat).toFixed(2), '≥ 0.5'],
        ['RSS over idle, at most', mebibytes(upload.growthBytes), '< 64 MiB'],
      ],
    );

    const routes = await measureRoutes(directory);
    printTable(
      "Routes against Hono's JSON echo in the same process",
      ['', 'requests/s', 'echo/s beside it', 'ratio', 'CPU µs', 'echo CPU µs', 'ratio'],
      routes.map(({ name, perSecond, cpuMicroseconds, echo, ratio }) => [
        name,
        perSecond.toFixed(0),
        echo.perSecond.toFixed(0),
        ratio.toFixed(2),
        cpuMicroseconds.toFixed(0),
        echo.cpuMicroseconds.toFixed(0),
        (echo.cpuMicroseconds / cpuMicroseconds).toFixed(2),
      ]),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function printTable(title: string, head: string[], rows: string[][]): void {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  print(`## ${title}\n\n${lines.join('\n')}`);
}

function print(text: string): void {
  console.log(`${text}\n`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
}

function perSecond(bytes: number): string {
  return `${mebibytes(bytes)}/s`;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
