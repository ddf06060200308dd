/**
 * Whether this is Cloudflare's workerd. There, sockets, streams and timers belong to the request that made them: no
 * other request may use them, and they end with it. Nothing may be opened outside of a request.
 */
export const ON_WORKERS = Reflect.get(globalThis, 'navigator')?.userAgent === 'Cloudflare-Workers';
