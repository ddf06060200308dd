import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Progress } from '../../src/client/create-signpost.ts';
import { startServiceForClients, textFile } from './service-for-clients.ts';

let host: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  host = await startServiceForClients({ env: { MAX_UPLOAD_BYTES: '100' } });
});
afterAll(() => host.close());

describe('uploadAll', () => {
  it('returns results in the order of the files, and one failure does not stop the others', async () => {
    const client = await host.client('alice');
    const texts = ['one', 'two', 'x'.repeat(101), 'four', 'two'];
    const files = texts.map((text, index) => textFile(text, `${index}.txt`));
    const progress: Progress[] = [];
    const results = await client.uploadAll(files, { recordId: 'case-7', onProgress: (each) => progress.push(each) });
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(results[2]).toMatchObject({ reason: { code: 'file-too-large' } });
    expect(results[4]).toMatchObject({ value: { fileName: '4.txt', recordId: 'case-7' } });
    expect(progress.at(-1)).toEqual({ sentBytes: 13, totalBytes: 114 });
  });

  it('has at most parallelFiles on their way at once', async () => {
    let onTheirWay = 0;
    let most = 0;
    const client = await host.client('alice', { parallelFiles: 2 }, async (_, send) => {
      most = Math.max(most, ++onTheirWay);
      return send().finally(() => onTheirWay--);
    });
    await client.uploadAll(['a', 'b', 'c', 'd', 'e'].map((text) => textFile(text)));
    expect(most).toBe(2);
  });

  it.each([
    ['', AbortSignal],
    [' in a browser without AbortSignal.any', {}],
  ])('ends with its signal, and keeps the files stored by then%s', async (_where, abortSignal) => {
    vi.stubGlobal('AbortSignal', abortSignal);
    const controller = new AbortController();
    const client = await host.client('alice', { parallelFiles: 1 }, ({ what }, send) => {
      if (what === 'PUT whole' && client.count(what) === 2) controller.abort();
      return send();
    });
    const results = await client.uploadAll(
      ['a', 'b', 'c'].map((text) => textFile(text)),
      { signal: controller.signal },
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(results[2]).toEqual({ status: 'rejected', reason: controller.signal.reason });
    vi.unstubAllGlobals();
  });

  it('adds no listener to its signal for each file, of which Node warns', async () => {
    const warnings: string[] = [];
    const onWarning = ({ name }: Error) => warnings.push(name);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    const client = await host.client('alice');
    await client.uploadAll(
      Array.from({ length: 12 }, (_, index) => textFile('a', `${index}.txt`)),
      { signal },
    );
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('resolves at once without files', async () => {
    expect(await (await host.client('alice')).uploadAll([])).toEqual([]);
  });
});
