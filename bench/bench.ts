// npm run bench: measures most figures of bench/README.md, as Markdown. Needs Linux, curl and taskset.
// npm run bench -- start [checkout]: starting in production, in turns with another commit's build in that folder.
// npm run bench -- sdk, rls, or routes [name]: only the SDK, row level security, or the routes, or one of them.
// npm run bench -- costs: fails if a hot route costs a quarter more CPU time than bench/costs.json says.
// npm run bench -- peers [name]: the routes and what people run instead; needs npm ci --prefix bench/peers.
// npm run bench -- cores: presigning by one process and by two (WEB_CONCURRENCY); needs wrk.
// npm run bench -- tail: the slowest hundredth of a mix of requests, and the longest stall of the event loop.
// npm run bench -- sweep [objects...]: the sweeper, over a bucket of TEST_S3_ENDPOINT or the embedded one.
// npm run bench -- migrate [rows]: all migrations since the first release, with that many files; how long reads wait.
// npm run bench -- find: finding files, which no other run measures.
// npm run bench -- insert [rows]: what each index of the files costs when a row is added.
// npm run bench -- growth [rows]: the same requests with 10,000 files in the database, and with that many.
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkCosts } from './check-costs.ts';
import { measureCores } from './measure-cores.ts';
import { measureMemory } from './measure-memory.ts';
import { measurePeers } from './measure-peers.ts';
import { measureRoutes } from './measure-routes.ts';
import { measureRowLevelSecurity } from './measure-row-level-security.ts';
import { measureSdk, withRealBucket } from './measure-sdk.ts';
import { measureProductionStart, measureStart } from './measure-start.ts';
import { measureTail } from './measure-tail.ts';
import { measureUpload } from './measure-upload.ts';
import { printFind, printGrowth, printInsert, printMigrations, printSweep } from './print-growth.ts';
import { mebibytes, perSecond, print, printTable, seconds } from './print-table.ts';

const PARTS: Readonly<Record<string, (directory: string) => Promise<void>>> = {
  costs: printCosts,
  cores: printCores,
  peers: printPeers,
  start: printStart,
  sdk: printSdk,
  find: printFind,
  insert: printInsert,
  growth: printGrowth,
  migrate: printMigrations,
  sweep: printSweep,
  tail: printTail,
  routes: printRoutes,
  rls: printRowLevelSecurity,
};

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'signpost-bench-'));
  try {
    const part = PARTS[process.argv[2] ?? ''];
    if (part !== undefined) return await part(directory);
    print(`${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${availableParallelism()} cores`);

    const start = await measureStart(directory);
    printTable(
      'From the spawn to the first 200 on /readyz',
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

    await printSdk(directory);

    await printRowLevelSecurity(directory);

    await printRoutes(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function printStart(directory: string): Promise<void> {
  const figures = await measureProductionStart(directory, process.argv[3]);
  const [own] = figures;
  for (const [route, moment] of [
    ['/healthz', 'alive'],
    ['/readyz', 'ready'],
  ] as const) {
    printTable(
      `From the spawn to the first 200 on ${route}, in production`,
      ['', 'time', 'CPU time', "this commit's CPU time to it"],
      figures.map(({ name, [moment]: { ms, cpuMs } }) => [
        name,
        `${ms.toFixed(0)} ms`,
        `${cpuMs.toFixed(0)} ms`,
        ((own?.[moment].cpuMs ?? Number.NaN) / cpuMs).toFixed(2),
      ]),
    );
  }
}

async function printCosts(directory: string): Promise<void> {
  const { costs, dear } = await checkCosts(directory);
  printTable(
    "CPU time of a request, in requests of Hono's JSON echo",
    ['', 'costs', 'cost', 'growth'],
    costs.map(({ name, cost, was }) => [name, cost.toFixed(1), was.toFixed(1), (cost / was).toFixed(2)]),
  );
  if (dear.length > 0) throw new Error(`over a quarter dearer than bench/costs.json says: ${dear.join('; ')}`);
}

/** Upper bounds of the ratio of CPU time. */
const BUDGETS: Readonly<Record<string, number>> = {
  'confirm-upload, first time, and the tutorial': 0.6,
  'confirm-upload, again, and the tutorial': 0.3,
  'presign-download and the tutorial': 0.35,
  "presign-upload and Hono's echo": 2.5,
  'presign-upload/batch of 100 and one presign-upload': 25,
};

async function printPeers(directory: string): Promise<void> {
  const figures = await measurePeers(directory, process.argv[3]);
  printTable(
    'Routes and what people run instead',
    ['', 'CPU µs', "the other's", 'ratio', 'target', 'ratio of requests/s'],
    figures.map(({ name, own, peer, cost, speed }) => {
      const budget = BUDGETS[name];
      const target = budget === undefined ? '' : `≤ ${budget}${cost <= budget ? '' : ': **missed**'}`;
      const cpu = [own, peer].map(({ cpuMicroseconds }) => cpuMicroseconds.toFixed(0));
      return [name, ...cpu, cost.toFixed(2), target, speed.toFixed(2)];
    }),
  );
}

async function printCores(directory: string): Promise<void> {
  const figures = await measureCores(directory);
  const [one] = figures;
  printTable(
    'Presigned uploads by several processes, with the load on the same cores',
    ['processes', 'requests/s', 'ratio', 'CPU µs', 'target'],
    figures.map(({ processes, perSecond, cpuMicroseconds }) => {
      const ratio = perSecond / (one?.perSecond ?? Number.NaN);
      const target = processes === 1 ? '' : `≥ 1.7${ratio >= 1.7 ? '' : ': **missed**'}`;
      return [String(processes), perSecond.toFixed(0), ratio.toFixed(2), cpuMicroseconds.toFixed(0), target];
    }),
  );
}

async function printTail(directory: string): Promise<void> {
  const figures = await measureTail(directory);
  const ms = (value: number, most: number) => `${value.toFixed(1)} ms${value <= most ? '' : ': **missed**'}`;
  printTable(
    'Requests at 70 % of the highest rate',
    ['', 'requests/s', 'median', '99th percentile (≤ 4 medians)', 'longest stall of the event loop (≤ 20 ms)'],
    figures.map(({ name, perSecond, p50Ms, p99Ms, stallMs }) => [
      name,
      perSecond.toFixed(0),
      `${p50Ms.toFixed(1)} ms`,
      ms(p99Ms, 4 * p50Ms),
      ms(stallMs, 20),
    ]),
  );
}

async function printRoutes(directory: string): Promise<void> {
  const only = process.argv[3];
  const routes = await measureRoutes(directory, only === undefined ? {} : { only: [only] });
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
}

async function printRowLevelSecurity(directory: string): Promise<void> {
  const figures = await measureRowLevelSecurity(directory);
  const bare = figures.find(({ name }) => name === 'bare');
  printTable(
    'One row by its id under row level security, against the bare statement',
    ['', 'statements/s, 16 at once', 'ratio', 'one alone', 'ratio'],
    figures.map(({ name, perSecond, ms }) => [
      name,
      perSecond.toFixed(0),
      (perSecond / (bare?.perSecond ?? Number.NaN)).toFixed(2),
      `${ms.toFixed(2)} ms`,
      (ms / (bare?.ms ?? Number.NaN)).toFixed(2),
    ]),
  );
}

async function printSdk(directory: string): Promise<void> {
  const GIB = 1024 ** 3;
  const figures = [
    { store: '1 GiB to the embedded bucket', measured: await measureSdk(directory, GIB) },
    {
      // The Ceph of the tests keeps 8 GiB in memory, and deleted objects for hours.
      store: '256 MiB to the bucket of `TEST_S3_ENDPOINT`',
      measured: await withRealBucket((env) => measureSdk(directory, GIB / 4, env)),
    },
  ];
  printTable(
    "Through the SDK's parts in Node against `curl -T`",
    ['', 'SDK', '`signpost upload`', 'curl', 'ratios', 'target', "the service's RSS over idle, at most", 'with 1 MiB'],
    figures.flatMap(({ store, measured }) => {
      if (measured === null) return [];
      const { sdk, command, curl, growthBytes, smallGrowthBytes } = measured;
      const ratios = [sdk, command].map((speed) => (speed / curl).toFixed(2)).join(', ');
      const memory = [mebibytes(growthBytes), mebibytes(smallGrowthBytes)];
      return [[store, ...[sdk, command, curl].map(perSecond), ratios, '≥ 0.85', ...memory]];
    }),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
