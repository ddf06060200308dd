import type { Post } from './post-pinned.ts';

/** Sends to this URL with `fetch`: for Cloudflare Workers, whose network has no private addresses to call. */
export function createFetchPost(url: string): Post {
  return async (body, headers, signal) => {
    const response = await fetch(url, { method: 'POST', redirect: 'manual', body, headers, signal });
    // Only the status matters.
    await response.body?.cancel().catch(() => {});
    return { status: response.status, retryAfter: response.headers.get('retry-after') };
  };
}
