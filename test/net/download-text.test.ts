import { createServer, type RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { downloadText } from '../../src/net/download-text.ts';
import { listen } from '../helpers/listen.ts';

let close = () => {};
afterEach(() => close());

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return listen(server);
}

describe('downloadText', () => {
  it('returns the text of a 200', async () => {
    expect(await downloadText(await serve((_, response) => response.end('größe')))).toBe('größe');
  });

  it('leaves out a byte order mark', async () => {
    const url = await serve((_, response) => response.end('\ufeff{"keys":[]}'));
    expect(await downloadText(url)).toBe('{"keys":[]}');
  });

  it('refuses a redirect, and names its target without the query', async () => {
    const asked: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      asked.push(request.url);
      response.writeHead(302, { location: '/elsewhere?key=secret' }).end();
    });
    await expect(downloadText(url)).rejects.toThrow(`redirects to ${url}/elsewhere, which is not followed`);
    expect(asked).toEqual(['/']);
  });

  it.each([201, 404, 500])('refuses status %i', async (status) => {
    const url = await serve((_, response) => response.writeHead(status).end('text'));
    await expect(downloadText(url)).rejects.toThrow(`answered with status ${status}`);
  });

  it('stops an endless answer at 64 KiB', async () => {
    expect(await downloadText(await serve((_, response) => response.end('x'.repeat(65_536))))).toHaveLength(65_536);
    close();
    const url = await serve((_, response) => {
      const more = () => void (response.destroyed || response.write('x'.repeat(16_384), () => setImmediate(more)));
      more();
    });
    await expect(downloadText(url)).rejects.toThrow('over 65536 bytes');
  });

  it('times out while an answer does not end', async () => {
    const url = await serve((_, response) => response.write('x'));
    await expect(downloadText(url)).rejects.toThrow(/timeout/i);
  });
});
