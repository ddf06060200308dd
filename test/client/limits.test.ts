import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loseAnswer, startServiceForClients, textFile } from './service-for-clients.ts';

let running: Awaited<ReturnType<typeof startServiceForClients>>;
beforeAll(async () => {
  const policy = { photo: { maxBytes: 10_000_000, contentTypes: ['image/*'] } };
  running = await startServiceForClients({ env: { UPLOAD_POLICIES: JSON.stringify(policy), QUOTA_BYTES: '1000' } });
});
afterAll(() => running.close());

describe('limits', () => {
  it('are those of the service, and of a document type', async () => {
    const { upload, limits } = await running.client('asker');
    await upload(textFile('hello'));
    expect((await limits()).contentTypes).toEqual(['*/*']);
    expect(await limits({ documentType: 'photo' })).toMatchObject({
      maxBytes: 10_000_000,
      contentTypes: ['image/*'],
      quota: { bytes: 1000, files: null, usedBytes: 5, usedFiles: 1 },
    });
  });

  it('are asked for again after a lost answer, but not after a refusal', async () => {
    let losses = 1;
    const { limits, count } = await running.client('unlucky', {}, (_sent, send) =>
      losses-- > 0 ? loseAnswer(send) : send(),
    );
    expect((await limits()).quota.usedBytes).toBe(0);
    expect(count('GET /limits')).toBe(2);
    await expect(limits({ documentType: 'a/b' })).rejects.toMatchObject({ code: 'invalid-request' });
    expect(count('GET /limits')).toBe(3);
  });

  it('can be aborted', async () => {
    const { limits } = await running.client('impatient');
    await expect(limits({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});
