import { and, desc, eq, gte, like, lt, or, type SQL, sql } from 'drizzle-orm';
import type { Act } from './audit-row.ts';
import { type AuditEventRow, auditEvents } from './audit-schema.ts';
import type { Database } from './connect-database.ts';
import { type Db, queryDatabase } from './query-database.ts';

/** An event without a change. (A statement that changes a file adds the event itself.) */
type LooseEvent = Act &
  Pick<AuditEventRow, 'userId' | 'outcome' | 'fileId' | 'objectKey'> &
  Partial<Pick<AuditEventRow, 'sentBytes'>>;

/** Which events are listed; what is left out is not asked for. */
type AuditEventFilter = {
  [Column in (typeof EQUAL)[number]]?: string | undefined;
} & {
  /** An action, or its first word for all that begin with it: `download`. */
  action?: string | undefined;
  from?: Date | undefined;
  /** Not included. */
  to?: Date | undefined;
};

/** Adds to the audit log and reads it. All functions throw `database-unavailable` as `queryDatabase` does. */
export type AuditLog = {
  /** Adds the user's events in one statement. */
  add(userId: string, events: readonly LooseEvent[]): Promise<void>;
  /** Resolves when all running `add` calls have ended, since some callers do not wait for them. */
  settle(): Promise<void>;
  /** At most `limit` events before an id, newest first: those that a user may read, or all for `reader: null`. */
  list(
    page: AuditEventFilter & { reader: string | null; limit: number; before?: number | undefined },
  ): Promise<AuditEventRow[]>;
};

export function createAuditLog({ asUser, db }: Pick<Database, 'asUser' | 'db'>): AuditLog {
  const adding = new Set<Promise<void>>();
  return {
    add: (userId, events) => {
      if (events.length === 0) return Promise.resolve();
      const rows = events.map(
        ({ actorId, action, outcome, fileId, objectKey, address, requestId, sentBytes = null, ...event }) =>
          sql`(${actorId}, ${event.userId}, ${action}, ${outcome}, ${fileId}::uuid, ${objectKey}, ${address},
            ${requestId}, ${sentBytes}::bigint)`,
      );
      // Drizzle's insert would name every column, also those that only the database may fill.
      const insert = sql`
        insert into ${auditEvents} (actor_id, user_id, action, outcome, file_id, object_key, address, request_id,
          sent_bytes)
        values ${sql.join(rows, sql`, `)}`;
      const added = asUser(userId, (own) => ({ execute: () => own.execute(insert).execute() })).then(() => {});
      adding.add(added);
      return added.finally(() => adding.delete(added));
    },
    settle: async () => void (await Promise.allSettled(adding)),
    list: ({ reader, limit, before, ...filter }) => {
      const page = (on: Db) =>
        on
          .select()
          .from(auditEvents)
          .where(
            and(
              before === undefined ? undefined : lt(auditEvents.id, before),
              reader === null ? undefined : eq(auditEvents.userId, reader),
              ...isWanted(filter),
            ),
          )
          .orderBy(desc(auditEvents.id))
          .limit(limit)
          .prepare('');
      return reader === null ? queryDatabase(() => page(db).execute()) : asUser(reader, page);
    },
  };
}

const EQUAL = ['userId', 'actorId', 'fileId', 'outcome'] as const;

function isWanted({ action, from, to, ...equal }: AuditEventFilter): (SQL | undefined)[] {
  return [
    ...EQUAL.map((name) => (equal[name] === undefined ? undefined : eq(auditEvents[name], equal[name]))),
    action === undefined ? undefined : or(eq(auditEvents.action, action), like(auditEvents.action, `${action}.%`)),
    from && gte(auditEvents.at, from),
    to && lt(auditEvents.at, to),
  ];
}
