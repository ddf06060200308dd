import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createFiles } from '../../../src/client/create-signpost.ts';
import { checkLimits } from '../../../src/client/queue/check-limits.ts';
import { createUploadQueue } from '../../../src/client/queue/create-upload-queue.ts';
import { matchesType } from '../../../src/contract/media-type.ts';
import { mint } from '../../helpers/test-service.ts';
import { startServiceForClients, textFile } from '../service-for-clients.ts';

let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  const policies = { photo: { maxBytes: 10, contentTypes: ['image/*'] } };
  host = await startServiceForClients({
    env: { UPLOAD_POLICIES: JSON.stringify(policies), MAX_UPLOAD_BYTES: '100', QUOTA_BYTES: '150' },
  });
});
afterAll(() => host.close());

const errorsOf = async (queue: ReturnType<typeof createUploadQueue>) =>
  (await queue.settled()).items.map(({ error }) => (error as { code?: string } | null)?.code ?? error);

describe('the limits of the service', () => {
  it('refuse a file before a byte of it is sent, with the errors of the service', async () => {
    const client = await host.client('alice');
    const queue = createUploadQueue({ signpost: client, isPaused: true });
    await queue.add([textFile('a'.repeat(101)), textFile('fits')]);
    await queue.add([textFile('a video', 'a.mp4'), new File(['a'.repeat(11)], 'a.png', { type: 'image/png' })], {
      documentType: 'photo',
      contentType: 'video/mp4',
    });
    await queue.add(new File(['a'.repeat(11)], 'a.png', { type: 'image/png' }), { documentType: 'photo' });
    await expect.poll(() => queue.getSnapshot().totals).toMatchObject({ failed: 4, paused: 1 });
    const found = queue.getSnapshot().items.map(({ error }) => error);
    expect(client.sent).toEqual(['GET /limits', 'GET /limits']);

    const refusals = await Promise.all(
      queue.getSnapshot().items.map(({ file, contentType }, index) => {
        const documentType = index < 2 ? undefined : 'photo';
        return client.upload(file ?? new Blob(), { contentType, documentType }).catch((error: unknown) => error);
      }),
    );
    for (const [index, error] of found.entries()) {
      if (error === null) continue;
      const { code, status, retryable, errors } = error as never;
      expect(refusals[index]).toMatchObject({ code, status, retryable });
      expect((refusals[index] as { errors: { path: string }[] }).errors.map(({ path }) => path)).toEqual(
        (errors as { path: string }[]).map(({ path }) => path),
      );
    }
  });

  it('are asked for again by a retry', async () => {
    const client = await host.client('bob');
    const { fileId } = await client.upload(textFile('a'.repeat(100)));
    const queue = createUploadQueue({ signpost: client });
    await queue.add(textFile('b'.repeat(60)));
    expect(await errorsOf(queue)).toEqual(['quota-exceeded']);
    await createFiles({ url: host.url, token: await mint('bob') }).remove(fileId);
    queue.retry();
    expect(await errorsOf(queue)).toEqual([null]);
  });

  it('do not refuse a file while the service does not answer', async () => {
    const client = await host.client('carol', {}, ({ what }, send) =>
      what === 'GET /limits' ? Promise.resolve(new Response('', { status: 404 })) : send(),
    );
    const queue = createUploadQueue({ signpost: client });
    await queue.add([textFile('a'.repeat(101)), textFile('fits')]);
    expect(await errorsOf(queue)).toEqual(['file-too-large', null]);
  });

  it('never refuse a type that the service allows under another name', () => {
    const source = readFileSync('src/contract/media-type.ts', 'utf8');
    const types = [...source.matchAll(/'((?:application|audio|image|text|video)\/[\w.+-]+)'/g)].map(
      ([, type = '']) => type,
    );
    expect(types.length).toBeGreaterThan(100);
    const quota = { bytes: null, files: null, usedBytes: null, usedFiles: null };
    const limits = { maxBytes: 1, methods: [], multipartThresholdBytes: 1, quota };
    const kinds = ['application/*', 'audio/*', 'image/*', 'text/*', 'video/*'];
    for (const pattern of [...kinds, ...types]) {
      const allowed = types.filter((type) => matchesType(pattern, type));
      const refused = allowed.filter((contentType) =>
        checkLimits({ ...limits, contentTypes: [pattern] }, { size: 1, contentType }),
      );
      expect(refused, pattern).toEqual([]);
    }
    expect(
      checkLimits({ ...limits, contentTypes: ['image/*'] }, { size: 1, contentType: 'application/pdf' }),
    ).toMatchObject({
      code: 'content-type-not-allowed',
      status: 415,
    });
  });
});

describe('the limits of a ticket', () => {
  const quota = { bytes: 10, files: 2, usedBytes: 9, usedFiles: 1 };
  const limits = { maxBytes: 5, contentTypes: ['*/*'], methods: [], multipartThresholdBytes: 1, quota };
  const ticket = { ...limits, recordId: 'case-42', documentTypes: ['photo', 'scan'] };
  const claim = { size: 1, contentType: 'text/plain', recordId: 'case-42', documentType: 'scan' };

  it('allow what is exactly within them', () => {
    expect(checkLimits(ticket, claim)).toBeNull();
    expect(checkLimits({ ...limits, quota: { ...quota, bytes: null } }, { ...claim, size: 5 })).toBeNull();
  });

  it.each([
    [{ size: 6 }, 'file-too-large', 'size'],
    [{ recordId: 'case-43' }, 'invalid-request', 'recordId'],
    [{ recordId: undefined }, 'invalid-request', 'recordId'],
    [{ documentType: 'other' }, 'invalid-request', 'documentType'],
    [{ documentType: undefined }, 'invalid-request', 'documentType'],
  ])('refuse %j', (more, code, path) => {
    expect(checkLimits(ticket, { ...claim, ...more })).toMatchObject({ code, errors: [{ path }] });
  });

  it.each([[{ usedBytes: 10 }], [{ usedFiles: 2 }], [{ recordFiles: 3, usedRecordFiles: 3 }]])(
    'refuse one file more than the quota has room for: %j',
    (used) => {
      const full = { ...ticket, quota: { ...quota, ...used } };
      expect(checkLimits(full, claim)).toMatchObject({ code: 'quota-exceeded' });
    },
  );
});

describe('the path of a file in its folder', () => {
  it('is sent as the service accepts it', async () => {
    const client = await host.client('ines');
    const queue = createUploadQueue({ signpost: client });
    // What macOS keeps in a folder with an icon of its own.
    const icon = new File([], 'Icon\r');
    await queue.add(Object.defineProperty(icon, 'webkitRelativePath', { value: 'photos/\ud800/Icon\r' }));
    expect((await queue.settled()).items[0]?.stored).toMatchObject({
      fileName: 'Icon',
      metadata: { 'relative-path': 'photos/\ufffd/Icon' },
    });
  });
});

describe('metadataSchema', () => {
  it('checks the metadata, and the result is sent', async () => {
    const client = await host.client('gil');
    const metadataSchema = z.strictObject({ source: z.string().min(2).toLowerCase() });
    const queue = createUploadQueue({ signpost: client, metadataSchema });
    await queue.add(textFile('one'), { metadata: { source: 'SCAN' } });
    await queue.add([textFile('two')]);
    await queue.add(textFile('three'), { metadata: { source: 'a' } });
    const { items } = await queue.settled();
    expect(items[0]?.stored?.metadata).toEqual({ source: 'scan' });
    for (const index of [1, 2]) {
      const errors = [{ path: 'metadata.source', message: expect.any(String) }];
      expect(items[index]).toMatchObject({ retryable: false, error: { code: 'invalid-request', errors } });
    }
    expect(client.count('POST /presign-upload')).toBe(1);
  });
});

describe('beforeUpload', () => {
  it('sends another file, under another name, with other options', async () => {
    const client = await host.client('dora');
    const queue = createUploadQueue({
      signpost: client,
      uploadOptions: { recordId: 'case-1' },
      beforeUpload: async (file, { options, item }) => {
        if (item.fileName === 'same.txt') return undefined;
        if (item.fileName === 'small.txt') return new File([file.slice(0, 2)], 'smaller.md', { type: 'text/markdown' });
        return { fileName: `${options.recordId} ${item.fileName}`, metadata: { kind: 'scan' }, file: file.slice(0, 3) };
      },
    });
    await queue.add([
      textFile('a'.repeat(101), 'large.txt'),
      textFile('small', 'small.txt'),
      textFile('s', 'same.txt'),
    ]);
    const { items, totals } = await queue.settled();
    expect(items.map(({ stored }) => [stored?.fileName, stored?.size, stored?.contentType])).toEqual([
      ['case-1 large.txt', 3, 'application/octet-stream'],
      ['smaller.md', 2, 'text/markdown'],
      ['same.txt', 1, 'text/plain'],
    ]);
    expect(items[0]).toMatchObject({
      fileName: 'case-1 large.txt',
      totalBytes: 3,
      stored: { metadata: { kind: 'scan' } },
    });
    expect(totals).toMatchObject({ sentBytes: 6, totalBytes: 6 });
  });

  it('refuses with its own reason; the limits come after it', async () => {
    const client = await host.client('emil');
    const reason = new Error('only one page');
    const queue = createUploadQueue({
      signpost: client,
      beforeUpload: (file) => {
        if (file.size < 5) throw reason;
      },
    });
    await queue.add([textFile('four'), textFile('a'.repeat(101))]);
    expect(await errorsOf(queue)).toEqual([reason, 'file-too-large']);
    expect(queue.getSnapshot().items[0]).toMatchObject({ status: 'failed', retryable: false });
    expect(client.sent).toEqual(['GET /limits']);
  });

  it('learns when its file is removed, continues during a pause, and is called once', async () => {
    const client = await host.client('fay');
    let asked = 0;
    let goOn = () => {};
    let isAborted = false;
    const queue = createUploadQueue({
      signpost: client,
      beforeUpload: (_file, { signal }) => {
        asked++;
        signal.addEventListener('abort', () => {
          isAborted = true;
        });
        return new Promise<void>((resolve) => {
          goOn = resolve;
        });
      },
    });
    await queue.add(textFile('one'));
    expect(queue.getSnapshot().items[0]?.status).toBe('preparing');
    queue.pause();
    goOn();
    queue.resume();
    expect((await queue.settled()).totals.done).toBe(1);
    expect(asked).toBe(1);
    await queue.add(textFile('two'));
    queue.remove(queue.getSnapshot().items[1]?.id);
    expect(isAborted).toBe(true);
    goOn();
    expect((await queue.settled()).totals).toMatchObject({ files: 1, done: 1 });
    expect(client.count('POST /presign-upload')).toBe(1);
  });
});
