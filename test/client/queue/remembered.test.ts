import { describe, expect, it } from 'vitest';
import { createSignpost, type Signpost, type UploadOptions } from '../../../src/client/create-signpost.ts';
import { withPassword } from '../../../src/client/encryption/with-keys.ts';
import {
  createUploadQueue,
  type QueueMemory,
  type SavedFile,
  type UploadQueueOptions,
} from '../../../src/client/queue/create-upload-queue.ts';

const encryption = withPassword('correct horse battery staple');
const URL = 'https://uploads.example.com';

/** What pages of one browser share. A page that comes later gets what is in it. */
function createBrowser() {
  const rows = new Map<string, SavedFile>();
  const asked: string[] = [];
  const memory: QueueMemory = {
    load: async (url) => {
      asked.push(url);
      return [...rows.values()];
    },
    save: (file) => void rows.set(file.id, file),
    setPaused: (id, isPaused) => {
      const row = rows.get(id);
      if (row !== undefined) rows.set(id, { ...row, isPaused });
    },
    forget: (ids) => {
      for (const id of ids) rows.delete(id);
    },
  };
  /** A page whose client never ends what it begins. */
  const open = ({
    isEncrypting = false,
    ...options
  }: Partial<UploadQueueOptions> & { isEncrypting?: boolean } = {}) => {
    const sent: UploadOptions[] = [];
    const upload: Signpost['upload'] = (_file, given = {}) => {
      const { onProgress, onState, ...own } = given;
      sent.push(own);
      const state = { status: 'uploading' as const };
      return Object.assign(new Promise<never>(() => {}), { state, pause() {}, resume() {}, abort: async () => {} });
    };
    const limits = () => Promise.reject(new Error('no service'));
    const queue = createUploadQueue({ signpost: { upload, limits, url: URL, isEncrypting }, memory, ...options });
    return { queue, sent };
  };
  return { rows, asked, memory, open, kept: () => [...rows.values()].map(({ file }) => file !== null) };
}

const file = (name = 'a.txt') => new File(['secret'], name, { lastModified: 1 });
/** As the browser gives it: it can be read in a later page, too, if the user still lets it or does so when asked. */
const handleOf = (name: string, permission: PermissionState = 'granted', answer: PermissionState = 'granted') =>
  ({
    kind: 'file',
    name,
    getFile: async () => file(name),
    queryPermission: async () => permission,
    requestPermission: async () => answer,
  }) as never;

describe('a remembered file', () => {
  it.each([
    ['prompt', 'granted', 'permission', null],
    ['prompt', 'prompt', 'permission', 'permission'],
    ['prompt', 'denied', 'permission', 'file'],
    ['denied', 'granted', 'file', 'file'],
  ] as const)('whose handle has the permission %s, and %s if asked, needs %s, and then %s', async (...row) => {
    const [permission, answer, needed, thenNeeded] = row;
    const browser = createBrowser();
    // Of an encrypted file the browser has the handle alone.
    const options = { isEncrypting: true };
    await browser.open({ ...options, isPaused: true }).queue.add([handleOf('a.txt', permission, answer)]);
    const { queue, sent } = browser.open(options);
    const need = () => queue.getSnapshot().items[0]?.needs;
    await expect.poll(need).toBe(needed);
    queue.resume(queue.getSnapshot().items.map(({ id }) => id));
    await expect.poll(() => [need(), sent.length]).toEqual([thenNeeded, thenNeeded === null ? 1 : 0]);
  });

  it('that was paused waits for resume, and one that was resumed goes on', async () => {
    const browser = createBrowser();
    const { queue } = browser.open();
    const [paused = '', resumed = ''] = await queue.add([file(), file('b.txt')]);
    queue.pause([paused, resumed]);
    queue.resume(resumed);
    const later = browser.open();
    await expect.poll(() => later.sent.map(({ fileName }) => fileName)).toEqual(['b.txt']);
    expect(later.queue.getSnapshot()).toMatchObject({
      isPaused: false,
      items: [{ status: 'paused', needs: null }, { fileName: 'b.txt' }],
    });
    later.queue.resume(paused);
    await expect.poll(() => later.sent.length).toBe(2);
  });

  it('goes to the record that it was added for, and to no other', async () => {
    const browser = createBrowser();
    const uploadOptions = { recordId: 'case-42', metadata: { patient: '42' } };
    await browser.open({ uploadOptions }).queue.add(file(), { metadata: { source: 'scan' } });
    await browser.open().queue.add(file('none.txt'));
    expect(browser.asked).toEqual([URL, URL]);
    const { sent } = browser.open({ uploadOptions: { recordId: 'case-43', documentType: 'bill' } });
    await expect.poll(() => sent.length).toBe(2);
    expect(
      sent.map(({ fileName, recordId, documentType, metadata }) => [fileName, recordId, documentType, metadata]),
    ).toEqual([
      ['a.txt', 'case-42', undefined, { patient: '42', source: 'scan' }],
      ['none.txt', undefined, undefined, undefined],
    ]);
  });

  it('of a folder goes on when it is chosen without the folder, and keeps its place', async () => {
    const browser = createBrowser();
    const inFolder = Object.defineProperty(file(), 'webkitRelativePath', { value: 'trip/a.txt' });
    await browser.open({ isEncrypting: true }).queue.add(inFolder);
    const { queue, sent } = browser.open({ isEncrypting: true });
    await expect.poll(() => queue.getSnapshot().items).toMatchObject([{ needs: 'file' }]);
    await queue.add(file());
    await expect.poll(() => sent).toMatchObject([{ metadata: { 'relative-path': 'trip/a.txt' } }]);
    expect(queue.getSnapshot().items).toHaveLength(1);
  });

  it.each([
    ['none', async () => null],
    ['an error', () => Promise.reject(new DOMException('not here', 'NotAllowedError'))],
  ])('is sent when it is dropped and the browser gives %s instead of a handle', async (_what, getHandle) => {
    const { queue, sent } = createBrowser().open();
    const item = {
      kind: 'file',
      getAsFile: () => file(),
      webkitGetAsEntry: () => ({ isFile: true, name: 'a.txt' }),
      getAsFileSystemHandle: getHandle,
    };
    expect(await queue.add({ items: [item] } as never)).toHaveLength(1);
    await expect.poll(() => sent).toMatchObject([{ fileName: 'a.txt' }]);
  });

  it('is not the same file added for another record', async () => {
    const browser = createBrowser();
    const of = (recordId: string) => ({ isEncrypting: true, uploadOptions: { recordId } });
    await browser.open(of('case-42')).queue.add(file());
    const other = browser.open(of('case-43'));
    await expect.poll(() => other.queue.getSnapshot().items.length).toBe(1);
    await other.queue.add(file());
    await expect.poll(() => other.sent.map(({ recordId }) => recordId)).toEqual(['case-43']);
    const { queue, sent } = browser.open(of('case-42'));
    await expect.poll(() => queue.getSnapshot().items.length).toBe(2);
    await queue.add(file());
    await expect.poll(() => sent.map(({ recordId }) => recordId)).toEqual(['case-42']);
  });

  it.each([
    ['the queue encrypts', { uploadOptions: { encryption } }],
    ['the client encrypts', { isEncrypting: true }],
    ['beforeUpload may encrypt', { beforeUpload: () => ({ encryption }) }],
  ])('is not sent without it where %s, and stays for a page that has it', async (_what, options) => {
    const browser = createBrowser();
    await browser.open(options).queue.add([handleOf('a.txt')]);
    await expect.poll(() => browser.rows.size).toBe(1);
    const errors: unknown[] = [];
    const { queue, sent } = browser.open({ onFailed: (error) => errors.push(error) });
    await expect.poll(() => errors).toMatchObject([{ code: 'not-prepared' }]);
    queue.retry();
    queue.resume();
    expect(await queue.settled()).toMatchObject({ items: [{ status: 'failed', error: { code: 'not-prepared' } }] });
    expect(sent).toEqual([]);
    const later = browser.open(options);
    await expect.poll(() => later.sent.length).toBe(1);
    queue.remove();
    expect(browser.rows.size).toBe(0);
  });

  it('has no plain bytes in the browser if it is encrypted, or may be', async () => {
    const browser = createBrowser();
    const client = createSignpost({ url: URL, encryption, storage: null, fetch: () => new Promise(() => {}) });
    await createUploadQueue({ signpost: client, memory: browser.memory, isPaused: true }).add(file());
    await browser.open({ uploadOptions: { encryption } }).queue.add(file());
    await browser.open({ beforeUpload: () => ({ encryption }) }).queue.add(file());
    const { upload, limits } = client;
    await createUploadQueue({ signpost: { upload, limits }, memory: browser.memory, isPaused: true }).add(file());
    expect(browser.kept()).toEqual([false, false, false, false]);

    const memory = { ...browser.memory, keepsPlainBytes: true };
    await browser.open({ memory, beforeUpload: () => {} }).queue.add(file());
    await browser.open({ isEncrypting: true, uploadOptions: { encryption: null } }).queue.add(file());
    await browser.open().queue.add(file());
    expect(browser.kept().slice(4)).toEqual([true, true, true]);
  });
});
