import { mkdtemp, rm } from 'node:fs/promises';
import { startRoutesServer } from './start-routes-server.ts';
import { postJson, sendRequests } from './send-requests.ts';
import { median } from './median.ts';
const d = await mkdtemp('/tmp/sbench-');
const s = await startRoutesServer(d);
try {
  const token = await s.mint('alice');
  const body = { fileName: 'lease.pdf', contentType: 'application/pdf', size: 15 };
  const run = async (port: number, path: string, n: number) => { const b = await s.cpuMicroseconds(); const ms = await sendRequests({ port, count: n, status: 200, request: () => r[path]! }); return { rps: n / ms * 1000, cpu: (await s.cpuMicroseconds() - b) / n }; };
  const r: Record<string, Buffer> = { '/': postJson('/', token, body), '/presign-upload': postJson('/presign-upload', token, body) };
  const n = Number(process.env.N ?? 10000), rounds = Number(process.env.ROUNDS ?? 9);
  await run(s.ports.echo, '/', 20000); await run(s.ports.app, '/presign-upload', 20000);
  const e = [], p = [];
  for (let i = 0; i < rounds; i++) { e.push(await run(s.ports.echo, '/', n)); p.push(await run(s.ports.app, '/presign-upload', n)); }
  const m = (x: { rps: number; cpu: number }[], k: 'rps' | 'cpu') => median(x.map((y) => y[k])).toFixed(1);
  console.log(`${process.env.LABEL ?? ''} echo ${m(e, 'rps')}/s ${m(e, 'cpu')}us  presign ${m(p, 'rps')}/s ${m(p, 'cpu')}us ratio ${median(p.map((x, i) => x.rps / e[i]!.rps)).toFixed(3)} cpuratio ${median(p.map((x, i) => e[i]!.cpu / x.cpu)).toFixed(3)}`);
} finally { await s.close(); await rm(d, { recursive: true, force: true }); }
