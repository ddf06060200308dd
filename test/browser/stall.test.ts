import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PageHost, startPageHost } from './start-page.ts';

let host: PageHost;
beforeAll(async () => {
  host = await startPageHost();
});
afterAll(() => host.close());

describe('the SDK in a browser', () => {
  it('tries an upload again that the network has swallowed without a word', async () => {
    const { page, context } = await host.openPage({ bypassCSP: true });
    const sdk = await readFile('dist/client.js', 'utf8');
    const puts: string[] = [];
    page.on('request', (request) => request.method() === 'PUT' && puts.push(request.url()));
    host.relay.setSilent(true);
    const uploaded = page.evaluate(
      `import(URL.createObjectURL(new Blob([${JSON.stringify(sdk)}], { type: 'text/javascript' }))).then(({ createSignpost }) => {
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
});
