import { expect, it } from 'vitest';
import { createSignpost } from '../../src/client/create-signpost.ts';
import { mint } from '../helpers/test-service.ts';
import { startServiceForClients, textFile } from './service-for-clients.ts';

it('uploads without a token, by the page’s cookie', async () => {
  const host = await startServiceForClients({ env: { AUTH_COOKIE: 'session' } });
  try {
    const cookie = `session=${await mint('alice')}`;
    const authorizations: (string | null)[] = [];
    const client = createSignpost({
      url: host.url,
      fetch: (input, init) => {
        if (!String(input).startsWith(host.url)) return fetch(input, init);
        const headers = new Headers(init?.headers);
        authorizations.push(headers.get('authorization'));
        // What a browser adds on a page of the same origin.
        headers.set('cookie', cookie);
        headers.set('origin', host.url);
        return fetch(input, { ...init, headers });
      },
    });
    const file = await client.upload(textFile('hello'));
    expect(file.objectKey).toMatch(/^alice\//);
    expect(authorizations).toEqual([null, null]);
  } finally {
    await host.close();
  }
});
