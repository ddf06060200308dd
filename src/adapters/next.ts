import type { Signpost } from '../index.ts';

type Mounted = Pick<Signpost, 'fetch'>;
type RouteHandler = (request: Request) => Promise<Response>;

/**
 * The handlers of a catch-all route of Next.js (App Router), `app/api/uploads/[...path]/route.ts`. Next.js leaves the
 * path whole, so `createSignpost` needs `basePath: '/api/uploads'`.
 * @param signpost or a function that gives it, called with each request: then `next build`, which imports every route,
 * needs no settings.
 * @example
 * export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = toRouteHandlers(signpost);
 */
export function toRouteHandlers(
  signpost: Mounted | Promise<Mounted> | (() => Mounted | Promise<Mounted>),
): Record<'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS', RouteHandler> {
  const handle: RouteHandler = async (request) => {
    const mounted = await (typeof signpost === 'function' ? signpost() : signpost);
    return mounted.fetch(request.body === null ? withoutEncodings(request) : request);
  };
  return { GET: handle, HEAD: handle, POST: handle, PUT: handle, PATCH: handle, DELETE: handle, OPTIONS: handle };
}

/**
 * For GET and HEAD, which have no body. Next.js drops `Content-Encoding` from a route's answer, and compresses by
 * itself: ours must be plain.
 */
function withoutEncodings(request: Request): Request {
  const headers = new Headers(request.headers);
  headers.delete('accept-encoding');
  return new Request(request, { headers });
}
