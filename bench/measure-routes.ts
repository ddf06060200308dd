import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { mintToken } from '../src/auth/mint-token.ts';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';
import { startLocalS3 } from '../src/local/s3/start-local-s3.ts';
import type { UserId } from '../src/object-key.ts';
import { createS3Client } from '../src/storage/create-s3-client.ts';
import { median } from './median.ts';
import { onCore } from './on-core.ts';
import type { Ports, Usage } from './routes-server.ts';
import { type Load, postJson, sendRequests } from './send-requests.ts';
import { printTable } from './print-table.ts';

const ROUNDS = 7;
const WARM_UP_REQUESTS = 20_000;
/** More than the service remembers. */
const TOKENS = 12_000;

const PDF = Buffer.from('%PDF-1.7\n%%EOF\n');
const SMALL = { fileName: 'lease 2026.pdf', contentType: 'application/pdf', size: PDF.length };
const FULL = {
  ...SMALL,
  checksumSha256: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  recordId: 'case-42',
  documentType: 'contract',
  metadata: { source: 'scanner-3', note: 'Übergabe' },
};

type Case = { name: string } & Load;

/**
 * Each route against Hono's echo in the same process: rounds of echo, route, echo, route, so that what else the
 * machine does meets both. The server has the first core for itself; load, bucket and database share the second.
 */
export async function measureRoutes(directory: string): Promise<void> {
  const server = await startServer(directory);
  const { app, echo } = server.ports;
  const token = await server.mint('alice');
  const tokens = await Promise.all(Array.from({ length: TOKENS }, (_, i) => server.mint(`user-${i}`)));
  const firsts = await upload(app, token, 300 * ROUNDS);
  await confirm(app, token, firsts[0])

}
