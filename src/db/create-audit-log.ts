import { and, desc, eq, lt, sql } from 'drizzle-orm';
import type { Act } from './audit-row.ts';
import type { Database } from './connect-database.ts';
import type { Db } from './open-pool.ts';
import { queryDatabase } from './query-database.ts';
import { type AuditEventRow, auditEvents } from './schema.ts';

/** What did not come with a change: that has its row from the statement that made it. */
type LooseEvent = Act & Pick<AuditEventRow, 'userId' | 'outcome' | 'fileId' | 'objectKey'>;

/** Adding to the audit log, and reading it. All throw `database-unavailable` as `queryDatabase` does. */
export type AuditLog = {
  /** One statement for all; each must be its user's. */
  add(userId: string, events: readonly LooseEvent[]): Promise<void>;
  /** Resolves when all that was being added is there, or failed: not everybody waits for what is added. */
  settle(): Promise<void>;
  /** The newest events first, at most `limit`, those before the id: one user's, or for null everybody's. */
  list(page: { userId: string | null; limit: number; before?: number | undefined }): Promise<AuditEventRow[]>;
};

export function createAuditLog({ asUser, db }: Pick<Database, 'asUser' | 'db'>): AuditLog {
  const adding = new Set<Promise<void>>();
  return {
    add: (userId, events) => {
      if (events.length === 0) return Promise.resolve();
      const rows = events.map(
        ({ actorId, action, outcome, fileId, objectKey, address, requestId, ...event }) =>
          sql`(${actorId}, ${event.userId}, ${action}, ${outcome}, ${fileId}::uuid, ${objectKey}, ${address},
            ${requestId})`,
      );
      // Drizzle's own insert names every column, also those that only the database may fill.
      const insert = sql`
        insert into ${auditEvents} (actor_id, user_id, action, outcome, file_id, object_key, address, request_id)
        values ${sql.join(rows, sql`, `)}`;
      const added = asUser(userId, (own) => ({ execute: () => own.execute(insert).execute() })).then(() => {});
      adding.add(added);
      return added.finally(() => adding.delete(added));
    },
    settle: async () => void (await Promise.allSettled(adding)),
    list: ({ userId, limit, before = Number.MAX_SAFE_INTEGER }) => {
      const page = (on: Db) =>
        on
          .select()
          .from(auditEvents)
          .where(and(lt(auditEvents.id, before), userId === null ? sql`true` : eq(auditEvents.userId, userId)))
          .orderBy(desc(auditEvents.id))
          .limit(limit)
          .prepare('');
      return userId === null ? queryDatabase(() => page(db).execute()) : asUser(userId, page);
    },
  };
}
