import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { postJson, sendRequests } from './send-requests.ts';
import { startService } from './start-service.ts';

const SETTLE_MS = 2_000;
const CHECKPOINTS = [20_000, 60_000, 100_000, 400_000];

/** RSS of the service, idle and while it presigns, with everything embedded (PostgreSQL is a separate process). */
export async function measureMemory(directory: string) {
  const service = await startService([process.execPath, 'dist/main.js'], join(directory, 'memory'));
  try {
    await sleep(SETTLE_MS);
    const idleBytes = await service.rssBytes();
    const body = { fileName: 'lease.pdf', contentType: 'application/pdf', size: 48_213 };
    const request = postJson('/presign-upload', await service.mint(), body);
    const loaded: { requests: number; rssBytes: number }[] = [];
    let requests = 0;
    for (const checkpoint of CHECKPOINTS) {
      await sendRequests({ port: service.port, count: checkpoint - requests, status: 200, request: () => request });
      requests = checkpoint;
      loaded.push({ requests, rssBytes: await service.rssBytes() });
    }
    return { idleBytes, loaded };
  } finally {
    await service.stop();
  }
}
