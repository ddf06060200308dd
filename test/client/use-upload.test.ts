import { Window } from 'happy-dom';
import { createElement, StrictMode, useEffect, useRef } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFiles, type Progress, type Signpost } from '../../src/client/create-signpost.ts';
import { useFiles, useUpload, useUploads } from '../../src/client/hooks/react.ts';
import { createUploadQueue } from '../../src/client/queue/create-upload-queue.ts';
import { mint } from '../helpers/test-service.ts';
import { cutOff, startServiceForClients, textFile, threeParts } from './service-for-clients.ts';

let host: Awaited<ReturnType<typeof startServiceForClients>>;
let page: Window;
beforeAll(async () => {
  host = await startServiceForClients();
  page = new Window();
  // Of a browser's globals only what React DOM draws with: Blob and fetch stay those that reach the service.
  Object.assign(globalThis, { window: page, document: page.document });
});
afterAll(async () => {
  await page.happyDOM.close();
  await host.close();
});

let root: Root;
let container: HTMLElement;
let hook: ReturnType<typeof useUpload>;
const drawn: string[] = [];
beforeEach(() => {
  drawn.length = 0;
  container = document.createElement('main');
  root = createRoot(container);
});
afterEach(() => root.unmount());

function Page({ signpost }: { signpost: Signpost }) {
  hook = useUpload(signpost);
  const { status, progress } = hook;
  const text = `${status} ${progress.sentBytes}/${progress.totalBytes}`;
  drawn.push(text);
  return text;
}

const isDrawn = (text: string | RegExp) => expect.poll(() => container.textContent).toMatch(text);
const draw = async (signpost: Signpost) => {
  root.render(createElement(StrictMode, null, createElement(Page, { signpost })));
  await isDrawn('idle 0/0');
};

describe('useUpload', () => {
  it('draws an upload from its beginning to its file', async () => {
    const client = await host.client('alice');
    await draw(client);
    const told: number[] = [];
    const onProgress = ({ sentBytes }: Progress) => told.push(sentBytes);
    const file = await hook.upload(textFile('hello'), { recordId: 'case-1', onProgress });
    await isDrawn('done 5/5');
    expect(drawn).toContain('uploading 0/5');
    expect(hook).toMatchObject({ file, error: null, state: { status: 'done', file } });
    expect(file).toMatchObject({ recordId: 'case-1', fileName: 'a.txt' });
    expect(told.at(-1)).toBe(5);
    expect(await client.stored()).toEqual(['hello']);
  });

  it('continues an upload that was begun when the component was mounted', async () => {
    const client = await host.client('alice');
    function Beginning() {
      const { upload, status } = useUpload(client);
      const isBegun = useRef(false);
      useEffect(() => {
        if (isBegun.current) return;
        isBegun.current = true;
        void upload(textFile('at once'));
      }, [upload]);
      return status;
    }
    root.render(createElement(StrictMode, null, createElement(Beginning)));
    await isDrawn('done');
    expect(await client.stored()).toEqual(['at once']);
  });

  it('reports why it failed, and begins anew', async () => {
    let broken = true;
    const client = await host.client('alice', { maxAttempts: 1 }, (_sent, send) => (broken ? cutOff() : send()));
    await draw(client);
    // Nobody has to catch what is drawn.
    void hook.upload(textFile('hello'));
    await isDrawn('failed 0/5');
    const error = { code: 'network-error' };
    expect(hook).toMatchObject({ error, file: null, state: { status: 'failed', error, retryable: true } });
    broken = false;
    await hook.upload(textFile('again!'));
    await isDrawn('done 6/6');
    expect(hook.error).toBeNull();
  });

  it('pauses, and goes on', async () => {
    const client = await host.client('alice', { parallelParts: 1 }, ({ what }, send) => {
      if (what === 'PUT 2' && client.count(what) === 1) hook.pause();
      return send();
    });
    await draw(client);
    const upload = hook.upload(threeParts());
    await isDrawn(/^paused 5242880/);
    expect(client.count('PUT 3')).toBe(0);
    hook.resume();
    await upload;
    await isDrawn(/^done/);
    expect(drawn[drawn.findLastIndex((text) => text.startsWith('paused')) + 1]).toMatch(/^uploading/);
    hook.pause();
    hook.resume();
    await upload;
    expect(drawn.at(-1)).toMatch(/^done/);
  });

  it.each(['handle', 'upload', 'signal'] as const)('is aborted by its %s, and that is no failure', async (way) => {
    const controller = new AbortController();
    const client = await host.client('carol', { parallelParts: 1 }, ({ what }, send) => {
      if (what === 'PUT 2') void { handle: hook, upload, signal: controller }[way].abort();
      return send();
    });
    await draw(client);
    const upload = hook.upload(threeParts(), { signal: controller.signal });
    await expect(upload).rejects.toMatchObject({ name: 'AbortError' });
    await isDrawn(/^aborted/);
    expect(hook).toMatchObject({ error: null, file: null });
    await hook.abort();
    expect(await host.openUploads('carol')).toBe(0);
  });

  it('aborts the first file for a second one, and the second one when it is unmounted', async () => {
    const client = await host.client('dave', { parallelParts: 1 }, ({ what }, send) =>
      what === 'PUT 3' ? new Promise(() => {}) : send(),
    );
    await draw(client);
    const first = hook.upload(threeParts('first'));
    await expect.poll(() => client.count('PUT 3')).toBe(1);
    const second = hook.upload(threeParts('second'));
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    await expect.poll(() => client.count('PUT 3')).toBe(2);
    await isDrawn(/^uploading/);
    root.unmount();
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    await Promise.all([first, second].map((upload) => upload.abort()));
    expect(await host.openUploads('dave')).toBe(0);
  });

  it('has functions that stay the same', async () => {
    const client = await host.client('alice');
    await draw(client);
    const { upload, pause, resume, abort } = hook;
    await upload(textFile('hello'));
    await isDrawn('done 5/5');
    expect(hook.upload).toBe(upload);
    expect([hook.pause, hook.resume, hook.abort]).toEqual([pause, resume, abort]);
  });
});

describe('useUploads and useFiles', () => {
  it('draw a queue and its stored files, and nothing on a server', async () => {
    const client = await host.client('erin');
    const files = createFiles({ url: host.url, token: await mint('erin'), fetch });
    const queue = createUploadQueue({ signpost: client });
    function Both() {
      const { items, totals } = useUploads(queue);
      const stored = useFiles(files, { sort: 'fileName' });
      const { done } = totals;
      const { refresh } = stored;
      useEffect(() => void (done > 0 && refresh()), [done, refresh]);
      const names = items.map(({ fileName, status }) => `${fileName} ${status}`);
      return `${names} | ${stored.isLoading ? 'loading' : stored.files.map(({ fileName }) => fileName)}`;
    }
    await queue.add([textFile('one', 'one.txt'), textFile('two', 'two.txt')]);
    expect(renderToString(createElement(Both))).toBe(' | loading');
    root.render(createElement(StrictMode, null, createElement(Both)));
    await isDrawn('one.txt done,two.txt done | one.txt,two.txt');
    queue.remove();
    await isDrawn(/^ \| one/);
  });

  it('load page after page, and report why one could not be loaded', async () => {
    let isBroken = false;
    const client = await host.client('frank');
    for (const name of ['a', 'b', 'c']) await client.upload(textFile(name, name));
    const files = createFiles({
      url: host.url,
      token: await mint('frank'),
      maxAttempts: 1,
      fetch: (...request) => (isBroken ? cutOff() : fetch(...request)),
    });
    let list = {} as ReturnType<typeof useFiles>;
    function List({ limit }: { limit: number }) {
      list = useFiles(files, { sort: 'fileName', limit });
      const { code } = (list.error ?? {}) as { code?: string };
      return `${list.files.map(({ fileName }) => fileName)} ${code ?? (list.isLoading ? 'loading' : list.hasMore)}`;
    }
    root.render(createElement(List, { limit: 2 }));
    await isDrawn('a,b true');
    isBroken = true;
    await list.loadMore();
    await isDrawn('a,b network-error');
    isBroken = false;
    await Promise.all([list.loadMore(), list.loadMore()]);
    await isDrawn('a,b,c false');
    const [first] = list.files;
    await list.remove(first?.fileId ?? '');
    await isDrawn('b,c false');
    if (first) list.put(first);
    await isDrawn('a,b,c false');
    root.render(createElement(List, { limit: 1 }));
    await isDrawn('b true');
  });
});
