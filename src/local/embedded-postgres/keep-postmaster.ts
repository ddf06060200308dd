import { isPostmaster, type Postmaster } from './find-postmaster.ts';
import { type PostmasterOptions, startPostmaster } from './start-postmaster.ts';

const POLL_MILLISECONDS = 500;

/**
 * Restarts a server that ended by itself (killed, out of memory) on the same port, so that its URL stays valid. Polls
 * twice a second, because a server taken over from an earlier process is not a child.
 * @returns a function that stops the polling, and waits for a start in progress.
 */
export function keepPostmaster({ pid, port }: Postmaster, options: PostmasterOptions): () => Promise<void> {
  let current = pid;
  let checking: Promise<void> | undefined;

  async function restartIfEnded(): Promise<void> {
    if (await isPostmaster(current, options.dataDirectory)) return;
    options.log(`the embedded PostgreSQL (process ${current}) has ended by itself: starting it again`);
    current = (await startPostmaster({ ...options, port })).pid;
  }

  const timer = setInterval(() => {
    checking ??= restartIfEnded()
      .catch((error: Error) => options.log(error.message))
      .finally(() => {
        checking = undefined;
      });
  }, POLL_MILLISECONDS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await checking;
  };
}
