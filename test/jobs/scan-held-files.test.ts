import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createHeldQueries } from '../../src/db/create-held-queries.ts';
import { files } from '../../src/db/schema.ts';
import { createScanner } from '../../src/jobs/create-scanner.ts';
import { type ScanFailures, scanHeldFiles } from '../../src/jobs/scan-held-files.ts';
import { ScanFailed } from '../../src/net/clamd.ts';
import { answering, type Received, startFakeClamd } from '../helpers/fake-clamd.ts';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';

const byContent = (socket: Socket, received: Received) =>
  answering(received.bytes.includes('virus') ? 'stream: A.Virus FOUND\0' : 'stream: OK\0')(socket, received);

let react: (socket: Socket, received: Received) => void;
let clamd: Awaited<ReturnType<typeof startFakeClamd>>;
let service: TestService;
let database: Database;
beforeAll(async () => {
  clamd = await startFakeClamd((socket, received) => react(socket, received));
  service = await startTestService({ env: { HOLD_UPLOADS: 'true', SCAN: clamd.url } });
  database = await connectDatabase({ url: service.database.url, maxConnections: 1 });
});
beforeEach(() => {
  react = byContent;
});
afterAll(async () => {
  await database.close();
  await service.close();
  await clamd.close();
});

const run = () => service.services.scanner?.run();
const anotherScanner = (more: Partial<Pick<TestService['services'], 'exclusively'>> = {}) => {
  const { services } = service;
  return createScanner({ ...services, heldQueries: createHeldQueries(database), ...more }, clamd.address);
};
const stateOf = async (user: string, fileId: string) => (await service.call(user, `/files/${fileId}`)).body.status;

describe('scans of held files', () => {
  it('decide on every held file, of any owner, and say so in the audit log', async () => {
    const [clean, infected] = [await service.store('alice', 'hello'), await service.store('bob', 'a virus')];
    expect(await run()).toEqual({ clean: 1, rejected: 1, failed: 0, waiting: 0 });
    expect(await stateOf('alice', clean.fileId)).toBe('active');
    const rejected = await service.call('bob', `/files/${infected.fileId}`);
    expect(rejected.body).toMatchObject({ status: 'rejected', rejection: 'A.Virus' });
    expect(await service.bucket.read(infected.objectKey)).toBeNull();
    const { body } = await service.call<{ events: Record<string, unknown>[] }>('bob', '/audit');
    const [event] = body.events;
    expect(event).toMatchObject({ action: 'file.rejected', outcome: 'ok', actorId: '\u001fscanner', userId: 'bob' });
    expect(await run()).toEqual({ clean: 0, rejected: 0, failed: 0, waiting: 0 });
  });

  it('run again for what comes meanwhile, and then no more; a failure is logged', async () => {
    const { services } = service;
    let runs = 0;
    const exclusively: typeof services.exclusively = async (...these) => {
      if (++runs === 1) throw new Error('the database is away');
      return services.exclusively(...these);
    };
    const scanner = anotherScanner({ exclusively });
    scanner.start();
    const said = 'held files could not be scanned, and stay held; retrying';
    await expect.poll(() => service.logs.map(({ message }) => message)).toContain(said);
    for (const _ of [1, 2, 3]) scanner.soon();
    await expect.poll(() => runs).toBe(3);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(runs).toBe(3);
    await scanner.close();
  });

  it('leave a file held that could not be scanned, try it again later, and let it hold up no other', async () => {
    react = answering('INSTREAM size limit exceeded. ERROR\0');
    const first = await service.store('carl', 'hello');
    expect(await run()).toMatchObject({ clean: 0, failed: 1 });
    react = byContent;
    const second = await service.store('carl', 'hello');
    expect(await run()).toMatchObject({ clean: 1, failed: 0, waiting: 1 });
    expect([await stateOf('carl', first.fileId), await stateOf('carl', second.fileId)]).toEqual(['held', 'active']);
    expect(service.logs.some(({ fields }) => fields.fileId === first.fileId)).toBe(true);
    // Another instance has not seen the failure.
    expect(await anotherScanner().run()).toMatchObject({ clean: 1 });
    expect(await stateOf('carl', first.fileId)).toBe('active');
  });

  it('begin soon after a confirmation, and end with the service', async () => {
    const { scanner } = service.services;
    scanner?.start();
    const { fileId } = await service.store('dan', 'hello');
    await expect.poll(() => stateOf('dan', fileId)).toBe('active');
    react = () => {};
    const unfinished = await service.store('dan', 'hello');
    await scanner?.close();
    expect(await stateOf('dan', unfinished.fileId)).toBe('held');
    react = byContent;
    expect(await anotherScanner().run()).toMatchObject({ clean: 1 });
  });

  it('are left to the instance that scans already', async () => {
    let sockets = 0;
    react = () => {
      sockets++;
    };
    await service.store('eve', 'hello');
    const [busy, idle] = [anotherScanner(), anotherScanner()];
    const first = busy.run().catch((error: unknown) => error);
    await expect.poll(() => sockets).toBeGreaterThan(0);
    expect(await idle.run()).toBeNull();
    await busy.close();
    await first;
    react = byContent;
    expect(await idle.run()).toMatchObject({ clean: 1 });
  });

  it('change nothing if a judge was faster', async () => {
    const { fileId } = await service.store('fay', 'a virus');
    const headers = {
      authorization: `Bearer ${await mint('judge', { scope: 'files:judge' })}`,
      'x-on-behalf-of': 'fay',
    };
    let judged: Promise<unknown> | undefined;
    react = (socket, received) => {
      if (!received.isWhole) return;
      judged ??= service.call('judge', `/files/${fileId}/verdict`, { verdict: 'clean' }, { headers });
      judged.then(() => socket.end('stream: A.Virus FOUND\0'));
    };
    await anotherScanner().run();
    expect(await stateOf('fay', fileId)).toBe('active');
    const opposite = { verdict: 'rejected', reason: 'A.Virus' };
    expectProblem(await service.call('judge', `/files/${fileId}/verdict`, opposite, { headers }), 409, 'conflict');
  });

  it('end while the object is not the one that was confirmed', async () => {
    const { fileId, objectKey } = await service.store('gus', 'hello');
    await service.bucket.write(objectKey, 'other');
    expect(await anotherScanner().run()).toMatchObject({ clean: 0, failed: 1 });
    expect(await stateOf('gus', fileId)).toBe('held');
    await service.call('gus', `/files/${fileId}`, undefined, { method: 'DELETE' });
  });

  it('take the oldest file of each owner first, however many another owner has', async () => {
    const order: string[] = [];
    react = (socket, received) => {
      if (received.isWhole) order.push(received.bytes.toString());
      byContent(socket, received);
    };
    for (let i = 1; i <= 6; i++) await service.store('hal', `hal ${i}`);
    await service.store('ida', 'ida 1');
    expect(await anotherScanner().run()).toMatchObject({ clean: 7 });
    // Four are scanned at once.
    expect(order.indexOf('ida 1')).toBeLessThan(4);
  });

  it('ask for the files in few statements, however many cannot be scanned', async () => {
    const { fileId } = await service.store('kay', 'hello');
    const [row] = await database.db.select().from(files).where(eq(files.id, fileId));
    if (row === undefined) throw new Error('no row');
    for (let n = 0; n < 3; n++) {
      const copies = Array.from({ length: 800 }, () => randomUUID()).map((id) => ({ ...row, id, objectKey: id }));
      await database.db.insert(files).values(copies);
    }
    const pages: number[] = [];
    const held = createHeldQueries(database);
    const services = {
      ...service.services,
      logger: { warn: () => {}, error: () => {} },
      heldQueries: {
        toScan: async (limit: number, except: Parameters<typeof held.toScan>[1]) => {
          const rows = await held.toScan(limit, except);
          pages.push(rows.length);
          return rows;
        },
      },
      bucket: { ...service.services.bucket, read: () => Promise.reject(new Error('cannot be read')) },
    };
    const known: ScanFailures = new Map();
    const pass = () => scanHeldFiles(services, clamd.address, known, new AbortController().signal);
    expect(await pass()).toEqual({ clean: 0, rejected: 0, failed: 2401, waiting: 0 });
    expect(pages).toEqual([1000, 1000, 401]);
    expect(await pass()).toEqual({ clean: 0, rejected: 0, failed: 0, waiting: 2401 });
    expect(pages.slice(3)).toEqual([0]);
    // Deleted meanwhile, they are forgotten when their pause has ended.
    await database.db.delete(files).where(eq(files.ownerId, 'kay'));
    for (const failure of known.values()) failure.notBeforeMs = 0;
    await pass();
    expect(known.size).toBe(0);
  });

  it('remember a failure if the scanner goes away in the same pass', async () => {
    for (const text of ['first', 'second']) await service.store('lou', text);
    let reads = 0;
    const read = () => {
      reads++;
      return Promise.reject(reads === 1 ? new Error('cannot be read') : new ScanFailed('away', { isAway: true }));
    };
    const services = {
      ...service.services,
      heldQueries: createHeldQueries(database),
      bucket: { ...service.services.bucket, read },
    };
    const known: ScanFailures = new Map();
    const pass = scanHeldFiles(services, clamd.address, known, new AbortController().signal);
    await expect(pass).rejects.toThrow('away');
    expect([...known.values()]).toMatchObject([{ file: { ownerId: 'lou' }, failures: 1 }]);
    expect(await anotherScanner().run()).toMatchObject({ clean: 2 });
  });

  it('leave files that their client encrypted to a judge, and never count them as failed', async () => {
    const encryption = 'A'.repeat(107);
    const { fileId } = await service.store('jon', 'ciphertext', { encryption });
    for (let i = 0; i < 2; i++) {
      expect(await anotherScanner().run()).toEqual({ clean: 0, rejected: 0, failed: 0, waiting: 0 });
    }
    expect(await stateOf('jon', fileId)).toBe('held');
  });
});
