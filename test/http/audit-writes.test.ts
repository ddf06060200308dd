import { describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';
import { expectProblem, startTestService } from '../helpers/test-service.ts';
import { admin, eventsOf, service, someone, TEXT } from './audit-service.ts';

describe('AUDIT_PRESIGN', () => {
  it('is off by default', async () => {
    const user = someone();
    await service.presign(user, TEXT);
    expect(await eventsOf(user)).toEqual([]);
  });

  it('adds a row for each presigned upload, and keeps signing while the database is down', async () => {
    const database = await createTestDatabase();
    const relay = await startRelay(database.url);
    const auditing = await startTestService({ env: { AUDIT_PRESIGN: 'true', DATABASE_URL: relay.url } });
    try {
      const { fileId, objectKey } = await auditing.presign('alice', TEXT);
      const batch = { files: [TEXT, { ...TEXT, method: 'POST' }] };
      expect((await auditing.call('alice', '/presign-upload/batch', batch)).status).toBe(200);
      // Signing does not wait for these rows.
      await expect.poll(() => eventsOf('alice', auditing)).toHaveLength(3);
      const presigned = { action: 'upload.presign', outcome: 'ok', fileId, objectKey };
      expect(await eventsOf('alice', auditing)).toContainEqual(expect.objectContaining(presigned));

      await relay.goAway();
      await auditing.presign('alice', TEXT);
      const missing = () => auditing.logs.filter(({ message }) => message.includes('is missing from the audit log'));
      await expect.poll(() => missing().length).toBe(1);
      await relay.comeBack();
      expect(await eventsOf('alice', auditing)).toHaveLength(3);
    } finally {
      await auditing.close();
      await relay.goAway();
      await database.drop();
    }
  });
});

describe('a log that cannot be written', () => {
  it('does not delay refusals that need no database', async () => {
    const database = await createTestDatabase();
    const relay = await startRelay(database.url);
    const own = await startTestService({ env: { DATABASE_URL: relay.url } });
    try {
      relay.setSilent(true);
      const waiting = own.call('alice', '/files');
      const refused = own.confirm('alice', 'bob/_/_/01a21a4c-b40f-7354-86c6-c1ffafe17477/a.txt');
      const first = await Promise.race([refused, waiting]);
      expectProblem(first, 403, 'not-your-object');
      await waiting;
    } finally {
      await relay.goAway();
      await own.close();
      await database.drop();
    }
  });

  it('prevents reading on another’s behalf', async () => {
    const own = await startTestService();
    try {
      await own.database.query('revoke insert on audit_events from signpost_app');
      const headers = { ...(await admin()), 'x-on-behalf-of': 'alice' };
      expect((await own.call('', '/files', undefined, { headers })).status).toBeGreaterThanOrEqual(500);
      expect((await own.call('alice', '/files')).status).toBe(200);
    } finally {
      await own.close();
    }
  });

  it('prevents changes, and leaves refusals as they are', async () => {
    const own = await startTestService();
    try {
      const { fileId } = await own.store('alice', 'hello');
      const waiting = await own.presign('alice', TEXT);
      await own.put(waiting, 'hello');
      await own.database.query('revoke insert on audit_events from signpost_app');
      const rows = () => own.database.query('select * from files order by id');
      const before = await rows();
      for (const answer of [
        await own.confirm('alice', waiting.objectKey),
        await own.call('alice', `/files/${fileId}`, { fileName: 'b.txt' }, { method: 'PATCH' }),
        await own.call('alice', `/files/${fileId}`, undefined, { method: 'DELETE' }),
        await own.call('alice', '/presign-download', { fileId }),
      ]) {
        expectProblem(answer, 500, 'internal-error');
        const { requestId } = answer.body;
        const fields = expect.objectContaining({ requestId, code: 'internal-error', err: expect.any(Error) });
        expect(own.logs).toContainEqual(expect.objectContaining({ level: 'error', fields }));
      }
      expect(await rows()).toEqual(before);
      expectProblem(await own.confirm('bob', waiting.objectKey), 403, 'not-your-object');
      expect(own.logs.some(({ message }) => message.includes('is missing from the audit log'))).toBe(true);

      await own.database.query('grant insert on audit_events to signpost_app');
      expect((await own.confirm('alice', waiting.objectKey)).status).toBe(201);
    } finally {
      await own.close();
    }
  });
});
