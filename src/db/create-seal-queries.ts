import {
  and,
  asc,
  count,
  desc,
  eq,
  gt,
  gte,
  isNull,
  lt,
  lte,
  type SQL,
  sql,
  TransactionRollbackError,
} from 'drizzle-orm';
import type { Act } from './audit-row.ts';
import { type AuditEventRow, type AuditSealRow, auditEvents, auditSeals } from './audit-schema.ts';
import type { Database } from './connect-database.ts';
import { countChanged, queryDatabase } from './query-database.ts';

/**
 * A range of the audit log: transactions from `fromXid` up to but excluding `toXid`, ids after `afterId` up to
 * `upToId`.
 */
export type Stretch = {
  fromXid: string;
  /** null: to the end. */
  toXid: string | null;
  afterId: number;
  /** null: to the end. */
  upToId: number | null;
};

/** The state of the cluster's transactions at one moment. */
export type Horizon = {
  /** Every transaction before this one has ended. */
  finishedBefore: string;
  /** The cluster has not yet used this transaction id, or a higher one. */
  nextXid: string;
  /**
   * The highest transaction and id of rows from another cluster, as their transactions show; null if there are none.
   */
  foreignXid: string | null;
  foreignId: number | null;
};

/** How many rows are in memory at once. */
const PAGE_ROWS = 1000;

/**
 * The queries that seal and verify the audit log, as the role that logs in. All throw `database-unavailable` as
 * `queryDatabase` does.
 */
export type SealQueries = ReturnType<typeof createSealQueries>;

export function createSealQueries({ db, withConnection }: Pick<Database, 'db' | 'withConnection'>) {
  const xid = (text: string) => sql`${text}::xid8`;
  const within = ({ fromXid, toXid, afterId, upToId }: Stretch) =>
    and(
      gte(auditEvents.xid, xid(fromXid)),
      toXid === null ? undefined : lt(auditEvents.xid, xid(toXid)),
      gt(auditEvents.id, afterId),
      upToId === null ? undefined : lte(auditEvents.id, upToId),
    );
  const page = (where: SQL | undefined) =>
    withConnection((connection) =>
      connection.transaction(async (tx) => {
        // With outdated statistics, PostgreSQL would sort the rest of a long range again for each page.
        await tx.execute(sql`set local enable_sort = off`);
        const rows = tx.select().from(auditEvents).where(where);
        return rows.orderBy(asc(auditEvents.xid), asc(auditEvents.id)).limit(PAGE_ROWS);
      }),
    );

  return {
    /**
     * One statement, so one snapshot: it knows the transaction of every visible row of this cluster.
     * @param fromXid earlier transactions are sealed, and their rows are ignored.
     */
    async horizon(fromXid: string, afterId: number): Promise<Horizon> {
      const foreign = sql`
        from ${auditEvents} where xid >= greatest(pg_snapshot_xmax(now), ${xid(fromXid)}) and id > ${afterId}`;
      const [horizon] = await queryDatabase(() =>
        db
          .select({
            finishedBefore: sql<string>`pg_snapshot_xmin(now)::text`,
            nextXid: sql<string>`pg_snapshot_xmax(now)::text`,
            foreignXid: sql<string | null>`(select xid::text ${foreign} order by audit_events.xid desc limit 1)`,
            foreignId: sql<number | null>`(select max(id) ${foreign})`.mapWith(Number),
          })
          .from(sql`pg_current_snapshot() as now`),
      );
      if (horizon === undefined) throw new Error('a snapshot is one row');
      return horizon;
    },

    /** All seals, first to last. */
    seals: (): Promise<AuditSealRow[]> =>
      queryDatabase(() => db.select().from(auditSeals).orderBy(asc(auditSeals.number))),

    /** The last seal, or null; and the id after which the rows of its cluster begin. */
    async last(): Promise<{ seal: AuditSealRow | null; afterId: number }> {
      const before = sql`select max(number) - 1 from ${auditSeals} where from_xid = '0'`;
      const [row] = await queryDatabase(() =>
        db
          .select({
            seal: auditSeals,
            afterId: sql`coalesce((select last_id from ${auditSeals} where number = (${before})), 0)`.mapWith(Number),
          })
          .from(auditSeals)
          .orderBy(desc(auditSeals.number))
          .limit(1),
      );
      return row ?? { seal: null, afterId: 0 };
    },

    /** The rows of a range, ordered by transaction and id. */
    async *rows(stretch: Stretch): AsyncGenerator<AuditEventRow> {
      let last: AuditEventRow | undefined;
      do {
        const isAfter = last && sql`(${auditEvents.xid}, ${auditEvents.id}) > (${xid(last.xid)}, ${last.id})`;
        const rows: AuditEventRow[] = await page(and(within(stretch), isAfter));
        yield* rows;
        last = rows.length < PAGE_ROWS ? undefined : rows.at(-1);
      } while (last !== undefined);
    },

    /** How many rows a stretch has, and the times of the oldest and the newest; null without rows. */
    async span(stretch: Stretch): Promise<{ events: number; from: Date | null; to: Date | null }> {
      const time = (text: string | null) => (text === null ? null : new Date(text));
      const [row] = await queryDatabase(() =>
        db
          .select({
            events: count(),
            from: sql<string | null>`min(${auditEvents.at})`.mapWith(time),
            to: sql<string | null>`max(${auditEvents.at})`.mapWith(time),
          })
          .from(auditEvents)
          .where(within(stretch)),
      );
      if (row === undefined) throw new Error('an aggregate is one row');
      return row;
    },

    /**
     * Deletes the rows of a sealed stretch, keeps its seal, and adds `act` to the log, all or nothing.
     * @returns false, and nothing changed, if the stretch has another number of rows than its seal, or was dropped.
     */
    drop: ({ number, events }: AuditSealRow, stretch: Stretch, act: Act): Promise<boolean> =>
      withConnection((connection) =>
        connection.transaction(async (tx) => {
          const kept = and(eq(auditSeals.number, number), isNull(auditSeals.droppedAt));
          const [seal] = await tx.update(auditSeals).set({ droppedAt: sql`now()` }).where(kept).returning();
          if (seal === undefined) return tx.rollback();
          const deleted = await countChanged(tx, sql`delete from ${auditEvents} where ${within(stretch)} returning 1`);
          if (deleted !== events) return tx.rollback();
          const { actorId, address, requestId, action } = act;
          await tx.execute(sql`
            insert into ${auditEvents} (actor_id, user_id, action, outcome, address, request_id)
            values (${actorId}, ${actorId}, ${action}, 'ok', ${address}, ${requestId})`);
          return true;
        }),
      ).catch((error: unknown) => {
        if (error instanceof TransactionRollbackError) return false;
        throw error;
      }),

    /** How many rows the whole log has. */
    count: (): Promise<number> => queryDatabase(() => db.$count(auditEvents)),

    /** False if another instance has already added a seal with this number. */
    async add(seal: AuditSealRow): Promise<boolean> {
      const added = await queryDatabase(() =>
        db.insert(auditSeals).values(seal).onConflictDoNothing().returning({ number: auditSeals.number }),
      );
      return added.length > 0;
    },
  };
}
