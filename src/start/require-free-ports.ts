import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Config } from '../config/config.ts';

/**
 * Checks that the ports are free, before anything slow is started.
 * @throws naming the setting.
 */
export async function requireFreePorts({
  server: { host, port, metricsPort },
  bucket,
  local,
}: Pick<Config, 'server' | 'bucket' | 'local'>): Promise<void> {
  await requireFree('PORT', host, port);
  if (metricsPort !== null) await requireFree('METRICS_PORT', host, metricsPort);
  if (bucket === null) await requireFree('LOCAL_S3_PORT', host, local.s3Port);
}

async function requireFree(setting: string, host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const reasons: Record<string, string> = {
      EADDRINUSE: `${setting}: something else already listens on port ${port}`,
      EACCES: `${setting}: this user may not listen on port ${port}`,
      EADDRNOTAVAIL: `HOST: this machine does not have the address ${host}`,
      ENOTFOUND: `HOST: there is no host ${host}`,
    };
    throw new Error(reasons[code] ?? `HOST, ${setting}: cannot listen on port ${port} of ${host}`, { cause });
  }
  server.close();
  await once(server, 'close');
}
