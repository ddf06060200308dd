import { and, asc, eq, getTableColumns, isNotNull, isNull, lt, or, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import type { Database } from './connect-database.ts';
import { queryDatabase, rowsOf } from './query-database.ts';
import { type FileRow, files } from './schema.ts';
import { type WebhookMessageRow, webhookMessages } from './webhook-schema.ts';

/** A message, and the file's row as it was after the change. */
export type WebhookMessage = Omit<WebhookMessageRow, 'file'> & { file: FileRow };

/**
 * How long a claim lasts: longer than an attempt. If the instance dies, another one takes the message over then. A
 * claim is a lease of one message, so that all instances deliver at once.
 */
export const CLAIM_SECONDS = 60;

export type WebhookState = 'waiting' | 'delivered' | 'dead';

/** The queries on webhooks' messages, as the role that logs in. All throw `database-unavailable`. */
export type WebhookQueries = ReturnType<typeof createWebhookQueries>;

/** Of a message without its file. */
const { file: _, ...messageColumns } = getTableColumns(webhookMessages);
const { number, id, dueAt, deliveredAt, deadAt, failures } = webhookMessages;
const isWaiting = and(isNull(deliveredAt), isNull(deadAt));

const secondsFromNow = (seconds: number) => sql`now() + ${seconds} * interval '1 second'`;

export function createWebhookQueries({ db }: Pick<Database, 'db'>) {
  /** Whether the claim still held: whatever ends it changes `due_at` or the state. */
  async function end(
    message: Pick<WebhookMessage, 'number' | 'dueAt'>,
    change: PgUpdateSetSource<typeof webhookMessages>,
  ): Promise<boolean> {
    const isClaimed = and(eq(number, message.number), eq(dueAt, message.dueAt), isWaiting);
    const ended = db.update(webhookMessages).set(change).where(isClaimed).returning({ number });
    return (await queryDatabase(() => ended.execute())).length > 0;
  }

  return {
    /**
     * Claims at most `limit` messages that are due, the longest due first. Of each file only its earliest waiting one:
     * so a file's messages go out in the order of its changes, whichever instance sends them.
     */
    async claim(limit: number): Promise<WebhookMessage[]> {
      const isLater = sql`exists (
        select from ${webhookMessages} as earlier
        where earlier.owner_id = due.owner_id and earlier.file_id = due.file_id and earlier.number < due.number
        and earlier.delivered_at is null and earlier.dead_at is null)`;
      const due = sql`
        select number from ${webhookMessages} as due
        where due.delivered_at is null and due.dead_at is null and due.due_at <= now() and not ${isLater}
        order by due.due_at, due.number limit ${limit} for update skip locked`;
      const claimed = db.$with('claimed').as(
        db
          .update(webhookMessages)
          .set({ dueAt: secondsFromNow(CLAIM_SECONDS) })
          .where(sql`${number} = any(array(${due}))`)
          .returning(),
      );
      // Columns that `files` has got since are null.
      const stored = db.$with('stored', { number, ...getTableColumns(files) }).as(sql`
        select claimed.number, file.* from ${claimed}
        cross join lateral jsonb_populate_record(null::${files}, claimed.file) as file`);
      const { file: _, ...message } = claimed._.selectedFields;
      const { number: ofMessage, ...file } = stored._.selectedFields;
      const rows = await queryDatabase(() =>
        db
          .with(claimed, stored)
          .select({ message, file })
          .from(claimed)
          .innerJoin(stored, eq(stored.number, claimed.number))
          .orderBy(asc(claimed.number)),
      );
      return rows.map((row) => ({ ...row.message, file: row.file }));
    },

    /** Ends a claim: the receiver has accepted the message. False if the claim was lost. */
    noteDelivered: (message: WebhookMessage) => end(message, { deliveredAt: sql`now()`, lastFailure: null }),

    /** Ends a claim: the attempt failed. @param retrySeconds until the next one; null: there is none. */
    noteFailed(message: WebhookMessage, reason: string, retrySeconds: number | null): Promise<boolean> {
      const then = retrySeconds === null ? { deadAt: sql`now()` } : { dueAt: secondsFromNow(retrySeconds) };
      return end(message, { failures: sql`${failures} + 1`, lastFailure: reason, ...then });
    },

    /** Ends a claim without an attempt. */
    release: (message: WebhookMessage) => end(message, { dueAt: sql`now()` }),

    /** Seconds until the next message is due that is not due yet; null if there is none. */
    async secondsUntilDue(): Promise<number | null> {
      const next = sql`
        select extract(epoch from min(${dueAt}) - now())::float8 as seconds from ${webhookMessages}
        where ${isWaiting} and ${dueAt} > now()`;
      const [row] = await queryDatabase(() => rowsOf(db, z.object({ seconds: z.number().nullable() }), next));
      return row?.seconds ?? null;
    },

    /** Messages in a state, the oldest first, after a number. */
    list(state: WebhookState, limit: number, after = 0): Promise<Omit<WebhookMessageRow, 'file'>[]> {
      const isOf = { waiting: isWaiting, delivered: isNotNull(deliveredAt), dead: isNotNull(deadAt) }[state];
      const isAfter = sql`${number} > ${after}`;
      return queryDatabase(() =>
        db.select(messageColumns).from(webhookMessages).where(and(isOf, isAfter)).orderBy(asc(number)).limit(limit),
      );
    },

    /**
     * Makes messages due now, as if none of their attempts had failed. One that is due within a minute stays as it is.
     * @param ids delivered ones too; null: all that are dead, or wait for their next attempt.
     * @returns the ids.
     */
    async retry(ids: readonly string[] | null): Promise<string[]> {
      // What is due within the length of a claim may be on its way.
      const isLater = sql`${dueAt} > ${secondsFromNow(CLAIM_SECONDS)}`;
      const those = or(isNotNull(deadAt), isNotNull(deliveredAt), isLater);
      const named =
        ids === null
          ? or(isNotNull(deadAt), and(isWaiting, isLater))
          : and(sql`${id} = any(${sql.param([...ids])}::uuid[])`, those);
      const change = { deadAt: null, deliveredAt: null, failures: 0, dueAt: sql`now()` };
      const rows = await queryDatabase(() => db.update(webhookMessages).set(change).where(named).returning({ id }));
      return rows.map((row) => row.id);
    },

    /** How many of these are delivered. */
    countDelivered: (ids: readonly string[]): Promise<number> =>
      queryDatabase(() =>
        db.$count(webhookMessages, and(sql`${id} = any(${sql.param([...ids])}::uuid[])`, isNotNull(deliveredAt))),
      ),

    /** Deletes at most `limit` messages that were delivered more than `days` ago, and returns their number. */
    async forget(days: number, limit: number): Promise<number> {
      const isOver = lt(deliveredAt, sql`now() - ${days} * interval '1 day'`);
      const over = db.select({ number }).from(webhookMessages).where(isOver).limit(limit);
      const gone = await queryDatabase(() =>
        db.delete(webhookMessages).where(sql`${number} = any(array(${over}))`).returning({ number }),
      );
      return gone.length;
    },
  };
}
