import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sweep } from '../../src/jobs/sweep.ts';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { type Receiver, startReceiver } from '../helpers/webhook-receiver.ts';
import { withClocks } from '../jobs/with-clocks.ts';
import { readSamples } from '../telemetry/read-samples.ts';

const POLICIES = '{"scan":{"hold":true}}';
const DAYS_MS = 3 * 86_400_000;

describe('with WEBHOOK_URL', () => {
  let receiver: Receiver;
  let service: TestService;
  const messages = (columns = '*') => service.database.query(`select ${columns} from webhook_messages order by number`);

  beforeAll(async () => {
    receiver = await startReceiver();
    service = await startTestService({
      env: { ...receiver.env, JOBS_INTERVAL_SECONDS: '3600', METRICS_PORT: '0', UPLOAD_POLICIES: POLICIES },
    });
  });
  afterEach(async () => {
    await service.services.webhooks?.settle(30_000);
    receiver.answer = async () => 204;
    receiver.received.length = 0;
    await service.database.query('delete from webhook_messages');
  });
  afterAll(async () => {
    await service.close();
    await receiver.close();
  });

  const change = (fileId: string, step: 'archive' | 'restore' | 'delete') =>
    step === 'delete'
      ? service.call('alice', `/files/${fileId}`, undefined, { method: 'DELETE' })
      : service.call('alice', `/files/${fileId}/${step}`, {});

  it('sends a file that was confirmed, as the API answers it, signed', async () => {
    const request = { recordId: 'case-42', documentType: 'contract', metadata: { source: 'scanner-3' } };
    const { receipt, ...file } = await service.store('alice', 'a file', request);
    await expect.poll(() => receiver.received).toHaveLength(1);
    const [message] = receiver.received;
    expect(message).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      isVerified: true,
      event: {
        type: 'file.confirmed',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        data: { ownerId: 'alice', ...file },
      },
      status: 204,
    });
  });

  it('sends each change of a file in its order, once', async () => {
    const { fileId, objectKey } = await service.store('alice', 'archived, restored, deleted');
    for (const step of ['archive', 'archive', 'restore', 'delete'] as const) await change(fileId, step);
    await service.call('alice', '/confirm-upload', { objectKey });
    const types = ['file.confirmed', 'file.archived', 'file.restored', 'file.deleted'];
    await expect.poll(() => receiver.of(fileId)).toEqual(types);
    await service.services.webhooks?.settle(30_000);
    expect(receiver.received.map(({ event }) => event.data.status)).toEqual([
      'active',
      'archived',
      'active',
      'deleted',
    ]);
    expect(new Set(receiver.received.map(({ id }) => id)).size).toBe(4);
    expect(await messages('delivered_at is not null as done, failures')).toEqual(
      types.map(() => ({ done: true, failures: 0 })),
    );
  });

  it('sends the verdicts on files that were held', async () => {
    const judge = await mint('scanner', { scope: 'files:judge' });
    const headers = { authorization: `Bearer ${judge}`, 'x-on-behalf-of': 'alice' };
    const verdicts = [{ verdict: 'clean' }, { verdict: 'rejected', reason: 'Eicar-Signature' }];
    for (const [index, verdict] of verdicts.entries()) {
      const { fileId } = await service.store('alice', 'held', { documentType: 'scan' });
      const path = `/files/${fileId}/verdict`;
      // Repeated, as after a lost answer.
      for (let n = 0; n < 2; n++) expect((await service.call('scanner', path, verdict, { headers })).status).toBe(200);
      await expect.poll(() => receiver.of(fileId)).toEqual(['file.confirmed', `file.${verdict.verdict}`]);
      const [confirmed, judged] = receiver.received.slice(2 * index).map(({ event }) => event.data);
      expect(confirmed?.status).toBe('held');
      expect([judged?.status, judged?.rejection]).toEqual([['active', 'rejected'][index], verdict.reason]);
    }
  });

  it('sends nothing for a change of details, an abort, or a repeated confirmation', async () => {
    const { fileId, objectKey } = await service.store('alice', 'changed');
    await service.call('alice', `/files/${fileId}`, { fileName: 'b.txt' }, { method: 'PATCH' });
    expect((await service.confirm('alice', objectKey)).status).toBe(200);
    const { objectKey: aborted } = await service.presign('alice', { fileName: 'a', contentType: 'a/b', size: 1 });
    expect((await service.call('alice', '/abort-upload', { objectKey: aborted })).status).toBe(204);
    expect(await messages('type')).toEqual([{ type: 'file.confirmed' }]);
  });

  it('sends an upload that was refused, with the reasons', async () => {
    const upload = await service.presign('alice', { fileName: 'a.png', contentType: 'image/png', size: 4 });
    await service.put(upload, 'MZ\0\0');
    const { status, body } = await service.confirm('alice', upload.objectKey);
    expect(status).toBe(422);
    expect((await service.confirm('alice', upload.objectKey)).status).toBe(422);
    await expect.poll(() => receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.event).toMatchObject({
      type: 'upload.refused',
      data: {
        ownerId: 'alice',
        fileId: upload.fileId,
        objectKey: upload.objectKey,
        fileName: 'a.png',
        size: 4,
        contentType: 'image/png',
        code: 'verification-failed',
        detail: body.detail,
        errors: body.errors,
      },
    });
  });

  it('sends an upload that was never confirmed, when it is swept', async () => {
    const upload = await service.presign('bob', { fileName: 'a.txt', contentType: 'text/plain', size: 5 });
    await service.put(upload, 'never');
    await sweep(withClocks(service.services, { bucket: DAYS_MS, database: DAYS_MS, host: DAYS_MS }));
    await expect.poll(() => receiver.of(upload.fileId)).toEqual(['upload.abandoned']);
    const { data } = receiver.received[0]?.event ?? {};
    expect(data).toMatchObject({ ownerId: 'bob', objectKey: upload.objectKey, size: 5 });
    expect(data).not.toHaveProperty('code');
  });

  it('counts in the metrics those that wait and those that are dead', async () => {
    const counted = async () => {
      const samples = readSamples((await service.services.metrics.text()).text);
      return ['waiting', 'dead'].map((state) => samples[`signpost_webhook_messages{state="${state}"}`]);
    };
    receiver.answer = async () => 410;
    await service.store('alice', 'dead');
    await expect.poll(counted).toEqual([0, 1]);
    receiver.answer = async () => 500;
    await service.store('alice', 'waiting');
    await expect.poll(counted).toEqual([1, 1]);
  });

  it('does not wait for a receiver that does not answer', async () => {
    let accept = () => {};
    const accepted = new Promise<void>((resolve) => {
      accept = resolve;
    });
    receiver.answer = () => accepted.then(() => 204);
    const { fileId } = await service.store('alice', 'slow');
    expect((await change(fileId, 'archive')).status).toBe(200);
    await service.presign('alice', { fileName: 'a', contentType: 'a/b', size: 1 });
    await expect.poll(() => receiver.received).toHaveLength(1);
    expect(await messages('delivered_at, failures')).toEqual(Array(2).fill({ delivered_at: null, failures: 0 }));
    accept();
    await expect.poll(() => receiver.of(fileId)).toEqual(['file.confirmed', 'file.archived']);
  });
});
