import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { sql } from 'drizzle-orm';
import { connectDatabase } from '../src/db/connect-database.ts';
import { migrateDatabase } from '../src/db/migrate-database.ts';
import { files } from '../src/db/schema.ts';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';
import { withRealBucket } from './measure-sdk.ts';

const PARALLEL = 64;

/**
 * Runs `npm run sweep` over a bucket of `TEST_S3_ENDPOINT` with this many files, each with its row: seconds and the
 * highest RSS. null without a server.
 */
export async function measureSweep(directory: string, counts: readonly number[]) {
  return withRealBucket(async (env) => {
    const client = new S3Client({
      ...{ region: 'us-east-1', endpoint: env.S3_ENDPOINT ?? '', forcePathStyle: true },
      credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID ?? '', secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '' },
    });
    const postgres = await startEmbeddedPostgres({ directory: join(directory, 'sweep') });
    await migrateDatabase({ url: postgres.url });
    const database = await connectDatabase({ url: postgres.url, queryTimeoutSeconds: 600 });
    const figures: { objects: number; seconds: number; peakRssBytes: number }[] = [];
    let made = 0;
    for (const objects of counts) {
      const { rows } = (await database.db.execute(sql`
        insert into ${files} (id, owner_id, object_key, file_name, content_type, size_bytes, etag, created_at)
        select id, 'bench', 'bench/_/_/' || id || '/a.txt', 'a.txt', 'text/plain', 1,
          '"0cc175b9c0f1b6a831c399e269772661"', now()
        from (select overlay(gen_random_uuid()::text placing '7' from 15 for 1)::uuid as id
          from generate_series(1, ${objects - made})) as ids
        returning object_key`)) as unknown as { rows: { object_key: string }[] };
      made = objects;
      const put = async () => {
        for (let row = rows.pop(); row !== undefined; row = rows.pop()) {
          await client.send(new PutObjectCommand({ Bucket: env.S3_BUCKET_NAME, Key: row.object_key, Body: 'a' }));
        }
      };
      await Promise.all(Array.from({ length: PARALLEL }, put));
      figures.push({ objects, ...(await sweepOnce({ ...env, DATABASE_URL: postgres.url }, objects)) });
    }
    client.destroy();
    await database.close();
    await postgres.stop();
    return figures;
  });
}

async function sweepOnce(env: Record<string, string>, objects: number) {
  const { PATH = '', HOME = '' } = process.env;
  const startedAt = performance.now();
  const child = spawn(process.execPath, ['dist/sweep.js', '--json'], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  let peakRssBytes = 0;
  while (child.exitCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peakRssBytes = Math.max(peakRssBytes, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
    await Promise.race([ended, sleep(100)]);
  }
  const { counts } = JSON.parse(output);
  if (counts.listed !== objects || counts.missing !== 0) throw new Error(`it counted ${output}`);
  return { seconds: (performance.now() - startedAt) / 1000, peakRssBytes };
}
