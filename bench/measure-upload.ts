import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { median } from './median.ts';
import { startService } from './start-service.ts';

const ROUNDS = 3;
const SIZE_BYTES = 1024 ** 3;
const SETTLE_MS = 2_000;

const run = promisify(execFile);

/**
 * Uploads 1 GiB by presigned PUT into the embedded bucket, alternating with two plain copies to the same disk. Each
 * ends with the bytes on the disk (the bucket syncs too) and starts with `sync`, so that it does not pay for the one
 * before. Nothing is removed in between, because a virtual disk writes blocks it has just freed several times faster
 * than new ones. Speeds are medians in bytes per second; memory is the growth of RSS over idle, in bytes.
 */
export async function measureUpload(directory: string) {
  const file = join(directory, 'file');
  await makeFile(file, SIZE_BYTES);
  const service = await startService([process.execPath, 'dist/main.js'], join(directory, 'upload'));
  try {
    await sleep(SETTLE_MS);
    const idleBytes = await service.rssBytes();
    await service.forgetPeak();
    const speeds = { upload: [] as number[], dd: [] as number[], cat: [] as number[] };
    for (let round = 0; round < ROUNDS; round++) {
      speeds.upload.push(await timed(SIZE_BYTES, await putCommand(service, file, SIZE_BYTES)));
      speeds.dd.push(await timed(SIZE_BYTES, ['dd', `if=${file}`, `of=${file}-dd-${round}`, 'bs=1M', 'conv=fsync']));
      speeds.cat.push(
        await timed(SIZE_BYTES, ['sh', '-c', 'cat "$1" > "$2" && sync "$2"', 'sh', file, `${file}-cat-${round}`]),
      );
    }
    const growthBytes = (await service.peakRssBytes()) - idleBytes;
    return { growthBytes, upload: median(speeds.upload), dd: median(speeds.dd), cat: median(speeds.cat) };
  } finally {
    await service.stop();
  }
}

/** Writes random bytes, which a disk cannot compress. */
export async function makeFile(path: string, sizeBytes: number): Promise<void> {
  await run('sh', ['-c', `head -c ${sizeBytes} /dev/urandom > "$1"`, 'sh', path]);
}

/** Presigns one PUT of this size; returns the command that sends it. */
export async function putCommand(
  service: Awaited<ReturnType<typeof startService>>,
  file: string,
  sizeBytes: number,
): Promise<string[]> {
  const answer = await fetch(`${service.url}/presign-upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await service.mint()}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      fileName: 'large.bin',
      contentType: 'application/octet-stream',
      size: sizeBytes,
      method: 'PUT',
    }),
  });
  const { presignedUrl, headers } = (await answer.json()) as { presignedUrl: string; headers: Record<string, string> };
  const headerOptions = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  return ['curl', '-sS', '--fail-with-body', '-o', '/dev/null', '-T', file, ...headerOptions, presignedUrl];
}

/** Syncs, then runs a command that moves this many bytes; returns bytes per second. */
export async function timed(sizeBytes: number, [command = '', ...args]: string[]): Promise<number> {
  await run('sync');
  const startedAt = performance.now();
  await run(command, args);
  return (sizeBytes / (performance.now() - startedAt)) * 1000;
}
