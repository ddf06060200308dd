import type { getRequestListener } from '@hono/node-server';

type Fetch = Parameters<typeof getRequestListener>[0];

const JSON_TYPE = { 'content-type': 'application/json' };

/**
 * Answers requests while the service starts. `/healthz` is answered at once, so that a liveness probe does not end a
 * start that takes long, such as a migration. All other requests wait for the service.
 * @returns `fetch` for the server, and `handOver`, which gives the waiting and all later requests to the service.
 */
export function answerWhileStarting(): { fetch: Fetch; handOver: (to: Fetch) => void } {
  let service: Fetch | null = null;
  let handOver: (to: Fetch) => void = () => {};
  const started = new Promise<Fetch>((resolve) => {
    handOver = (to) => {
      service = to;
      resolve(to);
    };
  });
  const fetch: Fetch = (request, env) => {
    if (service !== null) return service(request, env);
    if (new URL(request.url).pathname === '/healthz') return new Response('{"status":"ok"}', { headers: JSON_TYPE });
    return started.then((answer) => answer(request, env));
  };
  return { fetch, handOver };
}
