import { isPostmaster, type Postmaster } from './find-postmaster.ts';
import { type PostmasterOptions, startPostmaster } from './start-postmaster.ts';

const LOOK_MILLISECONDS = 500;

/**
 * Restarts a server that ended by itself (killed, out of memory) on the same port, so that its URL stays valid. Polls
 * twice a second, because a server taken over from an earlier process is not a child.
 * @returns a function that stops this, after a running start has finished.
 */
export function keepPostmaster({ pid, port }: Postmaster, options: PostmasterOptions): () => Promise<void> {
  let current = pid;
  let looking: Promise<void> | undefined;

  async function look(): Promise<void> {
    if (await isPostmaster(current, options.dataDirectory)) return;
    options.log(`the embedded PostgreSQL (process ${current}) has ended by itself: starting it again`);
    current = (await startPostmaster({ ...options, port })).pid;
  }

  const timer = setInterval(() => {
    looking ??= look()
      .catch((error: Error) => options.log(error.message))
      .finally(() => {
        looking = undefined;
      });
  }, LOOK_MILLISECONDS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await looking;
  };
}
