import { and, desc, eq, lt, sql } from 'drizzle-orm';
import type { Act } from './audit-row.ts';
import { type AuditEventRow, auditEvents } from './audit-schema.ts';
import type { Database } from './connect-database.ts';
import type { Db } from './open-pool.ts';
import { queryDatabase } from './query-database.ts';

/** An event without a change. (A statement that changes a file adds the event itself.) */
type LooseEvent = Act & Pick<AuditEventRow, 'userId' | 'outcome' | 'fileId' | 'objectKey'>;

/** Adds to the audit log and reads it. All functions throw `database-unavailable` as `queryDatabase` does. */
export type AuditLog = {
  /** Adds the user's events in one statement. */
  add(userId: string, events: readonly LooseEvent[]): Promise<void>;
  /** Resolves when all running `add` calls have ended, since some callers do not wait for them. */
  settle(): Promise<void>;
  /** At most `limit` events before an id, newest first: those of one user, or of all users for null. */
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
      // Drizzle's insert would name every column, also those that only the database may fill.
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
