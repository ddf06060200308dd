import { vi } from 'vitest';
import { sealAuditLog } from '../../src/audit/seal-audit-log.ts';
import { verifyAuditLog } from '../../src/audit/verify-audit-log.ts';
import { connectDatabase } from '../../src/db/connect-database.ts';
import { createSealQueries } from '../../src/db/create-seal-queries.ts';
import type { DatabaseDriver } from '../../src/db/open-pool.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';

/** An audit log in a database of its own: empty, or a copy of another one. */
export async function startAuditLog(driver: DatabaseDriver = 'pg', copyOf?: TestDatabase) {
  const test = await createTestDatabase({ ...(copyOf && { copyOf }) });
  const database = await connectDatabase({ url: test.url, driver });
  const sealQueries = createSealQueries(database);
  const services = { sealQueries, now: () => new Date() };
  /** Resolves when all rows can be sealed: transactions of other tests on the same server delay it. */
  const settled = async () => {
    const open = `select 1 from audit_events
      where xid >= pg_snapshot_xmin(pg_current_snapshot()) and xid < $1::text::xid8 limit 1`;
    const [now] = await test.query('select pg_snapshot_xmax(pg_current_snapshot())::text as xid');
    await vi.waitUntil(async () => (await test.query(open, [now?.xid])).length === 0, { timeout: 60_000 });
  };
  return {
    test,
    sealQueries,
    /** Adds rows, in one transaction. */
    add: (count = 1) =>
      test.query(
        `insert into audit_events (actor_id, user_id, action, outcome, file_id, object_key, address, request_id)
         select 'alice', 'alice', 'file.update', 'ok', gen_random_uuid(), 'alice/' || n, '192.0.2.7', 'request-' || n
         from generate_series(1, $1::int) as n`,
        [count],
      ),
    /** Seals at once, without waiting for open transactions. */
    trySeal: () => sealAuditLog(services),
    settled,
    /** Seals when all rows can be sealed. */
    seal: async () => {
      await settled();
      return sealAuditLog(services);
    },
    verify: (expected?: { number: number; hash: string }) => verifyAuditLog(services, expected),
    /** Closes the connections, so that the log can be copied. */
    disconnect: () => database.close(),
    close: async () => {
      await database.close();
      await test.drop();
    },
  };
}

export type AuditFixture = Awaited<ReturnType<typeof startAuditLog>>;

/** Parses a seal of `sealAuditLog`. */
export function parseSeal(text: string | undefined) {
  const [number, hash = ''] = (text ?? '').split(':');
  return { number: Number(number), hash };
}
