import { describe, expect, it } from 'vitest';
import { createPause, host } from './parts-service.ts';
import { createStorage, cutOff, threeParts } from './service-for-clients.ts';

describe('an aborted upload', () => {
  it('leaves nothing in the bucket and in the storage', async () => {
    const storage = createStorage();
    const { paused, interfere, follow } = createPause('PUT 2');
    const client = await host.client('carol', { storage, parallelParts: 1 }, interfere);
    const upload = follow(client.upload(threeParts()));
    const failed = expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    await paused;
    expect(await host.openUploads('carol')).toBe(1);
    await upload.abort();
    await failed;
    expect(await host.openUploads('carol')).toBe(0);
    expect(storage.length).toBe(0);
  });

  it('rejects with the reason of its signal', async () => {
    const controller = new AbortController();
    const client = await host.client('carol', {}, ({ what }, send) => {
      if (what === 'PUT 2') controller.abort();
      return send();
    });
    const upload = client.upload(threeParts(), { signal: controller.signal });
    const error = await upload.catch((error: unknown) => error);
    expect(error).toMatchObject({ name: 'AbortError' });
    expect(error).toBe(controller.signal.reason);
    await upload.abort();
    expect(await host.openUploads('carol')).toBe(0);
  });

  it('does nothing if its signal was aborted before', async () => {
    const client = await host.client('carol');
    const upload = client.upload(threeParts(), { signal: AbortSignal.abort('no') });
    await expect(upload).rejects.toBe('no');
    await upload.abort();
    expect(client.sent).toEqual([]);
  });

  it('removes a file in one piece that has arrived', async () => {
    const client = await host.client('carol', {}, async ({ what }, send) => {
      const response = await send();
      if (what === 'PUT whole') void upload.abort();
      return response;
    });
    const upload = client.upload(new Blob(['whole']));
    await expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    await upload.abort();
    expect(await client.stored()).toEqual([null]);
  });

  it('does not wait for a lost connection', async () => {
    let isUp = true;
    const { paused, interfere, follow } = createPause('PUT 2');
    const client = await host.client('carol', { parallelParts: 1 }, (sent, send) =>
      isUp ? interfere(sent, send) : cutOff(),
    );
    const upload = follow(client.upload(threeParts()));
    const failed = expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    await paused;
    isUp = false;
    await upload.abort();
    await failed;
    expect(client.delaysMs).toHaveLength(7);
    isUp = true;
  });

  it('remains a file once it is one', async () => {
    const client = await host.client('carol');
    const upload = client.upload(new Blob(['kept']));
    await upload;
    await upload.abort();
    expect(await client.stored()).toEqual(['kept']);
    expect(client.count('POST /abort-upload')).toBe(0);
  });

  it('rejects even if the service does not answer', async () => {
    const client = await host.client('carol', { maxAttempts: 1 }, ({ what }, send) =>
      what === 'POST /abort-upload' ? cutOff() : send(),
    );
    const upload = client.upload(threeParts(), {
      onProgress: ({ sentBytes }) => sentBytes > 0 && void upload.abort(),
    });
    await expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    await expect(upload.abort()).resolves.toBeUndefined();
  });
});
