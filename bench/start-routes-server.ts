import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { mintToken } from '../src/auth/mint-token.ts';
import { parseConfig } from '../src/config/config.ts';
import type { UserId } from '../src/contract/object-key.ts';
import { startEmbeddedPostgres } from '../src/local/embedded-postgres/start-embedded-postgres.ts';
import { startLocalS3 } from '../src/local/s3/start-local-s3.ts';
import { createS3Client } from '../src/storage/create-s3-client.ts';
import type { Ports, Usage } from './routes-server.ts';
import { ORIGIN } from './send-requests.ts';

const JWT_SECRET = randomBytes(48).toString('base64url');
const BUCKET = { name: 'bench', region: 'us-east-1', accessKeyId: 'bench', secretAccessKey: 'bench-secret' };

/** A bucket and a database in this process, and the settings of a service in production that uses them. */
export async function startBackends(directory: string) {
  const { accessKeyId, secretAccessKey, region, name } = BUCKET;
  const s3 = await startLocalS3({ ...BUCKET, directory: join(directory, 'bucket'), host: '127.0.0.1', port: 0 });
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
  const client = createS3Client({
    name,
    region,
    endpoint: s3.url,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    useAccelerateEndpoint: false,
    useDualstackEndpoint: false,
  });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();

  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    S3_BUCKET_NAME: name,
    S3_ENDPOINT: s3.url,
    S3_FORCE_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    DATABASE_URL: postgres.url,
    JWT_SECRET,
    ALLOWED_ORIGINS: ORIGIN,
    RATE_LIMIT_PER_MINUTE: '1000000',
  };
  return {
    env,
    close: async () => {
      await postgres.stop();
      await s3.close();
    },
  };
}

/**
 * Starts `routes-server.ts` on the first core, configured as in production: signed tokens, CORS for one origin, a rate
 * limit that is never reached, its log at `info` into /dev/null. Bucket and database run in this process on its core,
 * like on other machines.
 */
export async function startRoutesServer(directory: string) {
  const backends = await startBackends(directory);
  const { env } = backends;
  const server = await startPinned(fileURLToPath(new URL('./bench-routes-server.js', import.meta.url)), env);

  return {
    ports: server.ports,
    /** The settings of the bucket, the database and the tokens, for a peer. */
    env,
    mint: (user: string) =>
      mintToken(parseConfig({ JWT_SECRET }).auth, {
        userId: user as UserId,
        scopes: ['files:read', 'files:write'],
        ttlSeconds: 3600,
        now: () => new Date(),
      }),
    cpuMicroseconds: server.cpuMicroseconds,
    stallMs: server.stallMs,
    close: async () => {
      await server.close();
      await backends.close();
    },
  };
}

/** Starts a program on the first core. It tells its ports, then its CPU time whenever it is asked. */
export async function startPinned(script: string, env: NodeJS.ProcessEnv) {
  const server = fork(script, {
    execPath: 'taskset',
    execArgv: ['--cpu-list', '0', process.execPath, ...process.execArgv],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env,
  });
  const exited = once(server, 'exit');
  const next = async <Message>(): Promise<Message> => {
    const [message] = await Promise.race([once(server, 'message'), exited]);
    if (typeof message !== 'object') throw new Error(`the server ended with ${message}`);
    return message;
  };
  const usage = () => {
    server.send('usage');
    return next<Usage>();
  };
  return {
    ports: await next<Ports>(),
    cpuMicroseconds: async () => (await usage()).cpuMicroseconds,
    stallMs: async () => (await usage()).stallMs,
    close: async () => {
      server.disconnect();
      await exited;
    },
  };
}
