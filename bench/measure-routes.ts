import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { median } from './median.ts';
import type { Ports } from './routes-server.ts';
import { type Load, postJson, sendRequests } from './send-requests.ts';
import { startRoutesServer } from './start-routes-server.ts';

const ROUNDS = 7;
const SIGNING_REQUESTS = 6_000;
const DATABASE_REQUESTS = 2_000;
/** The first thousand cost twice as much each: their code is not compiled yet. */
const FIRST_CONFIRMS = 2_000;
const BATCH_REQUESTS = 200;
/** In parts of the usual size, more than 100. */
const LARGE_BYTES = 1024 ** 3;
/** More than the service caches. */
const TOKENS = 12_000;

const PDF = Buffer.from('%PDF-1.7\n%%EOF\n');
export const SMALL = { fileName: 'lease.pdf', contentType: 'application/pdf', size: PDF.length };
const FULL = {
  ...SMALL,
  fileName: 'Mietvertrag für 2026.pdf',
  checksumSha256: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  recordId: 'case-42',
  documentType: 'contract',
  metadata: { source: 'scanner-3', note: 'second page missing' },
};

type Case = Omit<Load, 'port'> & { name: string; on?: keyof Ports };
type Measured = { perSecond: number; cpuMicroseconds: number };
export type RouteFigures = Measured & {
  name: string;
  echo: Measured;
  /** Requests per second, of the echo's. */
  ratio: number;
  /** CPU time per request, of the echo's: the median over the rounds, in which both ran one after the other. */
  cost: number;
};

/**
 * Compares each route with Hono's JSON echo in the same process, alternating, so that other load on the machine affects
 * both. All figures are medians over the rounds.
 */
export async function measureRoutes(
  directory: string,
  { rounds: count = ROUNDS, share = 1, only }: { rounds?: number; share?: number; only?: readonly string[] } = {},
): Promise<RouteFigures[]> {
  // The load runs on the second core, with the bucket and the database, which this process starts.
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', '1', String(process.pid)]);
  const server = await startRoutesServer(join(directory, 'routes'));
  try {
    const token = await server.mint('alice');
    const tokens = await Promise.all(
      Array.from({ length: only === undefined ? TOKENS : 0 }, (_, i) => server.mint(`user-${i}`)),
    );
    const firstConfirms = FIRST_CONFIRMS + Math.ceil(FIRST_CONFIRMS * share) * count;
    const uploads = await uploadSmall(server.ports.app, token, firstConfirms + 1);
    const confirms = uploads.map((objectKey) => postJson('/confirm-upload', token, { objectKey }));
    const confirmed = { objectKey: uploads.pop() };

    const same = (name: string, count: number, request: Buffer): Case => ({
      name,
      count,
      status: 200,
      request: () => request,
    });
    let nextToken = 0;
    let nextConfirm = 0;
    const cases: Case[] = [
      same('presign-upload', SIGNING_REQUESTS, postJson('/presign-upload', token, SMALL)),
      {
        ...same('presign-upload, with metrics', SIGNING_REQUESTS, postJson('/presign-upload', token, SMALL)),
        on: 'counted',
      },
      same('presign-upload, every field', SIGNING_REQUESTS, postJson('/presign-upload', token, FULL)),
      {
        name: 'presign-upload, every token new',
        count: SIGNING_REQUESTS,
        status: 200,
        request: () => postJson('/presign-upload', tokens[nextToken++ % TOKENS] ?? '', SMALL),
      },
      {
        name: 'confirm-upload, first time',
        count: FIRST_CONFIRMS,
        status: 201,
        request: () => confirms[nextConfirm++] ?? Buffer.alloc(0),
      },
    ];
    await sendRequests({
      port: server.ports.app,
      count: 1,
      status: 201,
      request: () => postJson('/confirm-upload', token, confirmed),
    });
    cases.push(
      same('confirm-upload, again', DATABASE_REQUESTS, postJson('/confirm-upload', token, confirmed)),
      same('presign-download', DATABASE_REQUESTS, postJson('/presign-download', token, confirmed)),
    );
    const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
    const parts = { ...(await beginParts(server.ports.app, token)), partNumbers: hundred };
    cases.push(
      same('presign-parts, 100 in a call', BATCH_REQUESTS, postJson('/presign-parts', token, parts)),
      same(
        'presign-upload/batch of 100',
        BATCH_REQUESTS,
        postJson('/presign-upload/batch', token, { files: hundred.map(() => SMALL) }),
      ),
    );
    const echo = same('echo', SIGNING_REQUESTS, postJson('/', token, SMALL));

    const run = async (port: number, whole: Case, part = share): Promise<Measured> => {
      const load = { ...whole, count: Math.ceil(whole.count * part) };
      const before = await server.cpuMicroseconds();
      const milliseconds = await sendRequests({ port, ...load });
      const cpu = (await server.cpuMicroseconds()) - before;
      return { perSecond: (load.count / milliseconds) * 1000, cpuMicroseconds: cpu / load.count };
    };
    const figures: RouteFigures[] = [];
    for (const load of cases.filter(({ name }) => only?.includes(name) ?? true)) {
      const rounds: { echo: Measured; route: Measured }[] = [];
      await run(server.ports.echo, echo);
      const port = server.ports[load.on ?? 'app'];
      // Compiled code is a multiple faster: enough requests to get there, also for a share.
      await run(port, load, 1);
      for (let round = 0; round < count; round++) {
        rounds.push({ echo: await run(server.ports.echo, echo), route: await run(port, load) });
      }
      const middle = (what: 'echo' | 'route'): Measured => ({
        perSecond: median(rounds.map((round) => round[what].perSecond)),
        cpuMicroseconds: median(rounds.map((round) => round[what].cpuMicroseconds)),
      });
      const ratio = median(rounds.map(({ echo, route }) => route.perSecond / echo.perSecond));
      const cost = median(rounds.map(({ echo, route }) => route.cpuMicroseconds / echo.cpuMicroseconds));
      figures.push({ name: load.name, ...middle('route'), echo: middle('echo'), ratio, cost });
    }
    return figures;
  } finally {
    await server.close();
  }
}

/** Uploads this many small files; returns their keys. */
export async function uploadSmall(port: number, token: string, count: number): Promise<string[]> {
  const objectKeys: string[] = [];
  while (objectKeys.length < count) {
    const uploads = await Promise.all(
      Array.from({ length: 16 }, async () => {
        const { objectKey, presignedUrl, headers } = await presign(port, token, SMALL);
        const put = await fetch(presignedUrl, { method: 'PUT', headers, body: PDF });
        if (put.status !== 200) throw new Error(`the bucket answered ${put.status}: ${await put.text()}`);
        return objectKey;
      }),
    );
    objectKeys.push(...uploads);
  }
  return objectKeys;
}

/** Begins an upload in parts. */
async function beginParts(port: number, token: string): Promise<{ objectKey: string; uploadId: string }> {
  const { objectKey, uploadId } = await presign(port, token, { ...SMALL, size: LARGE_BYTES, method: 'MULTIPART' });
  return { objectKey, uploadId };
}

type Presigned = { objectKey: string; presignedUrl: string; uploadId: string; headers: Record<string, string> };

async function presign(port: number, token: string, request: object): Promise<Presigned> {
  const answer = await fetch(`http://127.0.0.1:${port}/presign-upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  return (await answer.json()) as Presigned;
}
