import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from '../helpers/listen.ts';
import { type PageHost, startPageHost } from './start-page.ts';

let host: PageHost;
beforeAll(async () => {
  host = await startPageHost();
});
afterAll(() => host.close());

describe('the SDK in a browser', () => {
  it('tries an upload again that the network has swallowed without a word', async () => {
    const { page, context } = await host.openPage({ bypassCSP: true });
    const puts: string[] = [];
    page.on('request', (request) => request.method() === 'PUT' && puts.push(request.url()));
    host.relay.setSilent(true);
    const uploaded = page.evaluate(
      `import('/client.js').then(({ createSignpost }) => {
        const token = document.querySelector('meta[name="signpost-token"]').content;
        const signpost = createSignpost({ url: location.origin, token, stallTimeoutMs: 700 });
        return signpost.upload(new File(['swallowed'], 'swallowed.txt', { type: 'text/plain' }));
      })`,
    ) as Promise<{ size: number }>;
    await expect.poll(() => puts.length).toBeGreaterThan(1);
    host.relay.setSilent(false);
    expect(await uploaded).toMatchObject({ fileName: 'swallowed.txt', size: 9 });
    await context.close();
  });

  it('tells a server that does not let the page read its answers from one that is not there', async () => {
    const { page, context } = await host.openPage({ bypassCSP: true });
    const server = createServer((_request, response) => response.end('no CORS headers'));
    const url = await listen(server);
    const upload = () =>
      page.evaluate(`import('/client.js').then(async ({ createSignpost }) => {
        const upload = createSignpost({ url: '${url}', token: 'x', maxAttempts: 1 }).upload(new Blob(['x']));
        const { code, detail } = await upload.catch((error) => error);
        return { code, detail, retryable: upload.state.retryable };
      })`);
    const detail = `${url} does not let pages of ${host.url} read its answers (CORS)`;
    expect(await upload()).toEqual({ code: 'blocked-by-cors', detail, retryable: false });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await upload()).toEqual({
      code: 'network-error',
      detail: 'there is no connection to the server',
      retryable: true,
    });
    await context.close();
  });

  it('uploads in parts where the storage of the page is full', async () => {
    const { page, context } = await host.openPage({ bypassCSP: true });
    const uploaded = page.evaluate(`
      for (let length = 2 ** 22; length >= 1; )
        try {
          localStorage.setItem('full' + Math.random(), 'x'.repeat(length));
        } catch {
          length /= 2;
        }
      import('/client.js').then(({ createSignpost }) => {
        const token = document.querySelector('meta[name="signpost-token"]').content;
        const file = new File([new Uint8Array(17 * 2 ** 20)], 'full.bin');
        return createSignpost({ url: location.origin, token }).upload(file);
      })`);
    expect(await uploaded).toMatchObject({ fileName: 'full.bin', size: 17 * 2 ** 20 });
    await context.close();
  });
});
