import { isPostmaster, type Postmaster } from './find-postmaster.ts';
import { type PostmasterOptions, startPostmaster } from './start-postmaster.ts';

const LOOK_MILLISECONDS = 500;

/**
 * Starts a server again that ended by itself (killed, out of memory), at the same port, so that its URL stays; as often
 * as it takes. Looks twice a second: one that was taken over is no child to hear of.
 * @returns what ends this, once a start that is under way is over.
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
