import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createLeases, type Exclusively, type Lease } from '../../src/db/create-leases.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { startRelay } from '../helpers/relay.ts';

let test: TestDatabase;
let database: Database;
let exclusively: Exclusively;
beforeAll(async () => {
  test = await createTestDatabase();
  database = await connectDatabase({ url: test.url });
  exclusively = createLeases(database);
});
afterAll(async () => {
  await database.close();
  await test.drop();
});

/** A running task, and the function that ends it. */
async function begin(run: Exclusively, name: string) {
  let running: Promise<string | null> = Promise.resolve(null);
  const [lease, end] = await new Promise<[Lease, () => void]>((begun) => {
    running = run(name, (lease) => new Promise((resolve) => begun([lease, () => resolve('done')])));
  });
  return { lease, end, running: () => running };
}

describe('a lease', () => {
  it('lets one task run at a time, with increasing fences, and other names at the same time', async () => {
    const first = await begin(exclusively, 'one');
    expect(await exclusively('one', async () => 'second')).toBeNull();
    expect(await exclusively('another', async () => 'beside it')).toBe('beside it');
    first.end();
    expect(await first.running()).toBe('done');
    const fence = await exclusively('one', async (lease) => lease.fence);
    expect(fence).toBe(first.lease.fence + 1);
  });

  it('is released when the task fails', async () => {
    const fail = exclusively('failing', async () => {
      throw new Error('no luck');
    });
    await expect(fail).rejects.toThrow('no luck');
    expect(await exclusively('failing', async () => 'again')).toBe('again');
  });

  it('is taken over if it ends later than a lease can: the clock of the database was wrong', async () => {
    const first = await begin(exclusively, 'from the future');
    await test.query(`update leases set expires_at = now() + interval '1 hour' where name = 'from the future'`);
    expect(await exclusively('from the future', async () => 'second')).toBe('second');
    await expect(first.lease.check()).rejects.toThrow('went to another instance');
    first.end();
    await first.running();
  });

  it('goes to one of ten simultaneous callers', async () => {
    let ends: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      ends = resolve;
    });
    let refused = 0;
    const results = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const result = await exclusively('wanted', async () => {
          await held;
          return n;
        });
        if (result === null && ++refused === 9) ends();
        return result;
      }),
    );
    expect(results.filter((result) => result !== null)).toHaveLength(1);
  });

  it('is renewed while the task runs', async () => {
    const short = createLeases(database, 0.4);
    const first = await begin(short, 'long');
    const [row] = await test.query(`select expires_at from leases where name = 'long'`);
    await expect
      .poll(() =>
        test.query(`select 1 from leases where name = 'long' and expires_at > $1::timestamptz + '500ms'`, [
          row?.expires_at,
        ]),
      )
      .toHaveLength(1);
    expect(first.lease.signal.aborted).toBe(false);
    first.end();
    await first.running();
  });

  it('goes to the next if its holder stalls, and the old holder learns that it is lost', async () => {
    const first = await begin(exclusively, 'stalled');
    await test.query(`update leases set expires_at = now() where name = 'stalled'`);
    const second = await begin(exclusively, 'stalled');
    expect(second.lease.fence).toBe(first.lease.fence + 1);
    await expect(first.lease.check()).rejects.toThrow('the lease "stalled" went to another instance');
    expect(first.lease.signal.aborted).toBe(true);
    await second.lease.check();
    // The first cannot release the lease of the second.
    first.end();
    await first.running();
    expect(await exclusively('stalled', async () => 'third')).toBeNull();
    second.end();
    await second.running();
  });

  it('is lost before another instance can get it, during a long outage of the database', async () => {
    const relay = await startRelay(test.url);
    const away = await connectDatabase({ url: relay.url });
    const first = await begin(createLeases(away, 1), 'far');
    await relay.goAway();
    await expect.poll(() => first.lease.signal.aborted).toBe(true);
    expect(await test.query(`select 1 from leases where name = 'far' and fence > 1`)).toEqual([]);
    first.end();
    await first.running();
    await away.close();
  });
});
