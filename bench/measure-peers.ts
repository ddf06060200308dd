import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { SMALL, uploadSmall } from './measure-routes.ts';
import { median } from './median.ts';
import { ORIGIN, postJson, sendRequests } from './send-requests.ts';
import { startPinned, startRoutesServer } from './start-routes-server.ts';

const ROUNDS = 7;
/** Sent to each side before the first round: a service costs a multiple until its code is compiled. */
const WARM_REQUESTS = 3_000;
const SIGNING_REQUESTS = 2_000;
const CONFIRMS = 500;
const WARM_HUNDREDS = 200;
const HUNDREDS = 40;
/** As many as requests at a time: the database confirms one file of a user after the other, because of the quota. */
const USERS = 32;

const FIRST_TIME = 'confirm-upload, first time, and the tutorial';

type Measured = { perSecond: number; cpuMicroseconds: number };
export type PeerFigures = { name: string; own: Measured; peer: Measured; cost: number; speed: number };

type Side = { on: Server; count: number; warm: number; status: number; request: () => Buffer };
type Upload = { objectKey: string; token: string };
type Server = { port: number; cpuMicroseconds: () => Promise<number> };

/**
 * Compares routes with what people run instead (`bench/peers`, with its own `npm ci`), each on the first core, with the
 * same bucket and database on the second, in turns. `cost` is CPU time and `speed` requests per second, of the peer's:
 * medians over the rounds.
 * @param only the beginning of the names to measure. Default: all.
 */
export async function measurePeers(directory: string, only = ''): Promise<PeerFigures[]> {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', '1', String(process.pid)]);
  const service = await startRoutesServer(join(directory, 'peers'));
  const start = (name: string) => startPinned(join(process.cwd(), 'bench/peers', `${name}.mjs`), service.env);
  const [tutorial, betterUpload, companion] = [
    await start('tutorial'),
    await start('better-upload'),
    await start('companion'),
  ];
  try {
    const tokens = await Promise.all(Array.from({ length: USERS }, (_, user) => service.mint(`user-${user}`)));
    const [token = ''] = tokens;
    const post = (path: string, body: unknown) => postJson(path, token, body);
    const confirms = FIRST_TIME.startsWith(only) ? WARM_REQUESTS + CONFIRMS * ROUNDS : 0;
    const upload = async (): Promise<Upload[]> => {
      const each = 1 + Math.ceil(confirms / USERS);
      const keys = await Promise.all(tokens.map((by) => uploadSmall(service.ports.app, by, each)));
      const turns = Array.from({ length: each }, (_, turn) => keys.map((own) => own[turn] ?? ''));
      return turns.flatMap((turn) => turn.map((objectKey, user) => ({ objectKey, token: tokens[user] ?? '' })));
    };
    const [ownUploads, theirUploads] = [await upload(), await upload()];
    const own: Server = { port: service.ports.app, cpuMicroseconds: service.cpuMicroseconds };
    const of = ({ ports, cpuMicroseconds }: Awaited<ReturnType<typeof start>>): Server => ({
      port: ports.app,
      cpuMicroseconds,
    });
    const same = (
      on: Server,
      request: Buffer,
      { status = 200, count = SIGNING_REQUESTS, warm = WARM_REQUESTS } = {},
    ): Side => ({ on, status, count, warm, request: () => request });
    const first = (on: Server, uploads: Upload[]): Side => {
      const requests = uploads.map(({ objectKey, token: by }) => postJson('/confirm-upload', by, { objectKey }));
      let next = 0;
      const request = () => requests[next++] ?? Buffer.alloc(0);
      return { on, status: 201, count: CONFIRMS, warm: WARM_REQUESTS, request };
    };
    const signing = same(own, post('/presign-upload', SMALL));
    const file = { objectKey: ownUploads.shift()?.objectKey };
    const theirs = { objectKey: theirUploads.shift()?.objectKey };
    const files = [{ name: SMALL.fileName, size: SMALL.size, type: SMALL.contentType }];
    const params = Buffer.from(
      `GET /s3/params?filename=lease.pdf&type=application%2Fpdf HTTP/1.1\r\nhost: 127.0.0.1\r\n` +
        `origin: ${ORIGIN}\r\n\r\n`,
    );
    const pairs: [name: string, own: Side, peer: Side][] = [
      [FIRST_TIME, first(own, ownUploads), first(of(tutorial), theirUploads)],
      [
        'confirm-upload, again, and the tutorial',
        same(own, post('/confirm-upload', file), { count: CONFIRMS }),
        same(of(tutorial), post('/confirm-upload', theirs), { count: CONFIRMS, status: 201 }),
      ],
      [
        'presign-download and the tutorial',
        same(own, post('/presign-download', file)),
        same(of(tutorial), post('/presign-download', theirs)),
      ],
      ['presign-upload and the tutorial', signing, same(of(tutorial), post('/presign-upload', SMALL))],
      [
        'presign-upload and better-upload',
        signing,
        same(of(betterUpload), post('/presign-upload', { route: 'files', files })),
      ],
      ["presign-upload and Companion's /s3/params", signing, same(of(companion), params)],
      [
        "presign-upload and Hono's echo",
        signing,
        same({ ...own, port: service.ports.echo }, post('/', SMALL), { count: 4 * SIGNING_REQUESTS }),
      ],
      [
        'presign-upload/batch of 100 and one presign-upload',
        same(own, post('/presign-upload/batch', { files: Array(100).fill(SMALL) }), {
          count: HUNDREDS,
          warm: WARM_HUNDREDS,
        }),
        signing,
      ],
    ];
    const confirmed = { count: 1, status: 201 };
    await measure(same(own, post('/confirm-upload', file), confirmed));
    await measure(same(of(tutorial), post('/confirm-upload', theirs), confirmed));
    const figures: PeerFigures[] = [];
    for (const [name, ours, others] of pairs.filter(([name]) => name.startsWith(only))) {
      const rounds: { own: Measured; peer: Measured }[] = [];
      await measure(ours, ours.warm);
      await measure(others, others.warm);
      for (let round = 0; round < ROUNDS; round++) {
        rounds.push({ peer: await measure(others), own: await measure(ours) });
      }
      const middle = (side: 'own' | 'peer', what: keyof Measured) => median(rounds.map((round) => round[side][what]));
      const both = (side: 'own' | 'peer') => ({
        perSecond: middle(side, 'perSecond'),
        cpuMicroseconds: middle(side, 'cpuMicroseconds'),
      });
      figures.push({
        name,
        own: both('own'),
        peer: both('peer'),
        cost: median(rounds.map(({ own, peer }) => own.cpuMicroseconds / peer.cpuMicroseconds)),
        speed: median(rounds.map(({ own, peer }) => own.perSecond / peer.perSecond)),
      });
    }
    return figures;
  } finally {
    for (const peer of [tutorial, betterUpload, companion]) await peer.close();
    await service.close();
  }
}

async function measure({ on, count: usual, status, request }: Side, count = usual): Promise<Measured> {
  const before = await on.cpuMicroseconds();
  const milliseconds = await sendRequests({ port: on.port, count, status, request });
  const cpu = (await on.cpuMicroseconds()) - before;
  return { perSecond: (count / milliseconds) * 1000, cpuMicroseconds: cpu / count };
}
