import type { Signpost } from '../index.ts';

type Context = { waitUntil(promise: Promise<unknown>): void };

/**
 * The handlers of a Cloudflare Worker: `fetch`, and `scheduled`, which runs the jobs, for a cron trigger. The client's
 * address comes from `CF-Connecting-IP`, which Cloudflare sets.
 * @example
 * export default toWorker(signpost);
 */
export function toWorker(signpost: Pick<Signpost, 'fetch' | 'runJobs' | 'settled'>) {
  return {
    fetch(request: Request, _env: unknown, context: Context): Promise<Response> {
      const remoteAddress = request.headers.get('cf-connecting-ip') ?? undefined;
      const answer = signpost.fetch(request, { incoming: { socket: { remoteAddress } } });
      // Also if the client has gone: other requests may wait for what this one has begun.
      context.waitUntil(answer.catch(() => {}).then(signpost.settled));
      return answer;
    },
    async scheduled(): Promise<void> {
      await signpost.runJobs();
      await signpost.settled();
    },
  };
}
