import { createHash } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import type { Upload } from '../../src/client/create-signpost.ts';
import { startServiceForClients } from './service-for-clients.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** How far the service's clock is off; a test that changes it puts it back. */
export const clock = { skewMs: 0 };
/** Started for the test file that imports this. */
export let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients({ now: () => new Date(Date.now() + clock.skewMs) });
});
afterAll(() => host.close());

/** Whether the object holds exactly the bytes of the file. (Matchers take half a minute over buffers of this size.) */
export const holds = async (objectKey: string, file: Blob) => {
  const bytes = await host.service.bucket.read(objectKey);
  return bytes?.equals(Buffer.from(await file.arrayBuffer()));
};

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** Pauses an upload in the moment it sends the given request: what a closed page looks like from outside. */
export function createPause(at: string) {
  let pause: (() => void) | undefined;
  let onPaused = () => {};
  const paused = new Promise<void>((resolve) => {
    onPaused = resolve;
  });
  return {
    paused,
    follow: (upload: Upload) => {
      pause = upload.pause;
      return upload;
    },
    interfere: ({ what }: { what: string }, send: () => Promise<Response>) => {
      if (what === at) {
        pause?.();
        // Only the first time.
        pause = undefined;
        onPaused();
      }
      return send();
    },
  };
}
