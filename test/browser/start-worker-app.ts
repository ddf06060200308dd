import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { listen } from '../helpers/listen.ts';

/** An app: the service, and beside it the service worker of the documentation. */
export async function startWorkerApp(serviceUrl: string) {
  const text = await readFile(new URL('../../docs/sdk.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block = '']) => block);
  const worker = blocks.find((block) => block.includes('self.addEventListener')) ?? '';
  const headers = { 'content-type': 'text/javascript' };
  const fetchApp = (request: Request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === '/sw.js') return new Response(worker.replace('signpost/client', '/client.js'), { headers });
    const forwarded = new Request(new URL(pathname + search, serviceUrl), request);
    forwarded.headers.set('accept-encoding', 'identity');
    return fetch(forwarded);
  };
  const app = createAdaptorServer({ fetch: fetchApp }) as Server;
  const url = await listen(app);
  return {
    url,
    close: () => {
      app.close();
      app.closeAllConnections();
    },
  };
}

/**
 * An expression for the page: begins to upload a file in the service worker. `news` has the bytes, and in the end the
 * file's id.
 * @param file an expression for it.
 */
export const beginInServiceWorker = (file: string) => `(async () => {
  window.news = {};
  navigator.serviceWorker.onmessage = ({ data }) => Object.assign(window.news, data);
  // The page's policy asks for trusted types.
  const policy = globalThis.trustedTypes?.createPolicy('worker', { createScriptURL: (url) => url });
  await navigator.serviceWorker.register(policy?.createScriptURL('/sw.js') ?? '/sw.js', { type: 'module' });
  const { active } = await navigator.serviceWorker.ready;
  const { content: token } = document.querySelector('meta[name="signpost-token"]');
  active.postMessage({ file: ${file}, url: location.origin, token });
})()`;
