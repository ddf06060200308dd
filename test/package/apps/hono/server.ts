import { serve } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import type { File } from 'signpost';
import { signpost } from '../signpost.ts';

const app = new Hono();
app.mount('/uploads', (request, env) => signpost().fetch(request, env), { replaceRequest: (request) => request });
// The same by a call on the server.
app.get('/newest', async (c) => {
  const { files } = await signpost().files.list({ userId: 'ada' }, { limit: 1, createdTo: new Date() });
  return c.json(files.map(({ fileName, size }: File) => ({ fileName, size })));
});
for (const name of ['vue', 'svelte', 'solid']) {
  const rewriteRequestPath = (path: string) => path.replace(`/${name}/`, '/');
  app.use(`/${name}/*`, serveStatic({ root: `../${name}/dist`, rewriteRequestPath }));
}
app.use(serveStatic({ root: '../vite/dist' }));
serve({ fetch: app.fetch, port: Number(process.env.PORT) });
