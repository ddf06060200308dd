import { and, asc, eq, getTableColumns, isNotNull, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import * as z from 'zod';
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

/** How many messages are still to be sent, and how many were given up. */
export type WebhookQueue = { waiting: number; dead: number };

/** The queries on webhooks' messages, as the role that logs in. All throw `database-unavailable`. */
export type WebhookQueries = ReturnType<typeof createWebhookQueries>;

/** Of a message without its file. */
const { file: _, ...messageColumns } = getTableColumns(webhookMessages);
const { number, id, dueAt, deliveredAt, deadAt, failures } = webhookMessages;
const isWaiting = and(isNull(deliveredAt), isNull(deadAt));

const secondsFromNow = (seconds: number) => sql`now() + ${seconds} * interval '1 second'`;

/** How many due messages a claim looks at, and how many `postpone` does. */
const CLAIM_WINDOW = 100;
const POSTPONE_WINDOW = 1000;

/** How many messages of a state are counted: enough for an alarm, and never a long statement. */
const MAX_COUNTED = 100_000;

/** What a postponed message waits at least, if the earlier one is due but not yet claimed. */
const POSTPONED_SECONDS = 5;

const waitingAs = (alias: 'head' | 'later') => {
  const name = sql.raw(alias);
  return sql`${name}.delivered_at is null and ${name}.dead_at is null`;
};

/** A CTE: rows that are due, the longest due first, by the index of `due_at` alone. */
const dueMessages = (limit: number) => sql`
  due as materialized (
    select ctid as row, number, owner_id, file_id from ${webhookMessages}
    where ${isWaiting} and due_at <= now() order by due_at limit ${limit})`;

/**
 * The earliest waiting message of the file of `due`, before it. The numbers are negated, as in the index for this
 * query, so that the planner cannot choose another index, whatever its statistics.
 */
const headOf = (columns: string) => sql`
  select ${sql.raw(columns)} from ${webhookMessages} as head
  where head.owner_id = due.owner_id and head.file_id = due.file_id and -head.number > -due.number
  and ${waitingAs('head')} order by -head.number desc limit 1`;

/**
 * Checked again under the lock of the row `known`. The form of the condition fits no index: the row is found by its
 * ctid.
 */
const isStillDue = sql`coalesce(known.delivered_at, known.dead_at) is null and known.due_at <= now()`;

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

  /**
   * Makes the next message of the file due, if it was postponed. A statement of its own, after the earlier one has
   * ended: so it sees every postponement that still saw that one waiting.
   */
  async function wakeNext({ ownerId, fileId, number: ended }: WebhookMessage): Promise<void> {
    const next = sql`
      select later.number from ${webhookMessages} as later
      where later.owner_id = ${ownerId} and later.file_id = ${fileId}::uuid and -later.number < ${-ended}::bigint
      and ${waitingAs('later')} order by -later.number desc limit 1`;
    const change = db
      .update(webhookMessages)
      .set({ dueAt: sql`now()` })
      .where(and(sql`${number} = (${next})`, eq(webhookMessages.isPostponed, true)));
    await queryDatabase(() => change.execute());
  }

  return {
    /**
     * Claims at most `limit` messages that are due, the longest due first. Of each file only its earliest waiting one:
     * so a file's messages go out in the order of its changes, whichever instance sends them. It looks at a hundred
     * due messages: `postpone` takes those that wait for an earlier one out of the way.
     */
    async claim(limit: number): Promise<WebhookMessage[]> {
      const due = sql`
        with ${dueMessages(CLAIM_WINDOW)}
        select known.number from ${webhookMessages} as known
        where known.ctid = any(array(select row from due where (${headOf('1')}) is null)) and ${isStillDue}
        order by known.due_at, known.number limit ${limit} for update of known skip locked`;
      const claimed = db.$with('claimed').as(
        db
          .update(webhookMessages)
          .set({ dueAt: secondsFromNow(CLAIM_SECONDS), isPostponed: false })
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
    async noteDelivered(message: WebhookMessage): Promise<boolean> {
      const hasEnded = await end(message, { deliveredAt: sql`now()`, lastFailure: null });
      if (hasEnded) await wakeNext(message);
      return hasEnded;
    },

    /** Ends a claim: the attempt failed. @param retrySeconds until the next one; null: there is none. */
    async noteFailed(message: WebhookMessage, reason: string, retrySeconds: number | null): Promise<boolean> {
      const then = retrySeconds === null ? { deadAt: sql`now()` } : { dueAt: secondsFromNow(retrySeconds) };
      const hasEnded = await end(message, { failures: sql`${failures} + 1`, lastFailure: reason, ...then });
      if (hasEnded && retrySeconds === null) await wakeNext(message);
      return hasEnded;
    },

    /** Ends a claim without an attempt. */
    release: (message: WebhookMessage) => end(message, { dueAt: sql`now()` }),

    /**
     * Postpones messages that are due, but wait for an earlier one of their file, until that one is due. When it ends,
     * it makes the next one due. So a file with very many messages does not delay others. The earlier one stays locked
     * meanwhile: it cannot end between the look at it and the postponement.
     * @returns how many were postponed.
     */
    async postpone(): Promise<number> {
      const postponed = sql`
        with ${dueMessages(POSTPONE_WINDOW)},
        blocked as materialized (
          select due.row, due.number, head.due_at from due
          cross join lateral (${headOf('head.due_at')} for share skip locked) as head),
        taken as materialized (
          select known.number from ${webhookMessages} as known
          where known.ctid = any(array(select row from blocked)) and ${isStillDue}
          for update of known skip locked),
        postponed as (
          update ${webhookMessages} as late
          set is_postponed = true, due_at = greatest(
            (select due_at from blocked where blocked.number = late.number), ${secondsFromNow(POSTPONED_SECONDS)})
          where late.number = any(array(select number from taken)) returning 1)
        select count(*)::int as count from postponed`;
      const [row] = await queryDatabase(() => rowsOf(db, z.object({ count: z.number() }), postponed));
      return row?.count ?? 0;
    },

    /** Seconds until the next message is due, 0 or less if it is; null if none waits. */
    async secondsUntilDue(): Promise<number | null> {
      const next = sql`
        select extract(epoch from min(${dueAt}) - now())::float8 as seconds from ${webhookMessages}
        where ${isWaiting}`;
      const [row] = await queryDatabase(() => rowsOf(db, z.object({ seconds: z.number().nullable() }), next));
      return row?.seconds ?? null;
    },

    /** How many messages wait or are dead, at most 100,000 of each. */
    async countQueue(): Promise<WebhookQueue> {
      const countOf = (state: SQL | undefined) => sql`
        (select count(*) from (select from ${webhookMessages} where ${state} limit ${MAX_COUNTED}) as counted)::int`;
      const counts = sql`select ${countOf(isWaiting)} as waiting, ${countOf(isNotNull(deadAt))} as dead`;
      const schema = z.object({ waiting: z.number(), dead: z.number() });
      const [row] = await queryDatabase(() => rowsOf(db, schema, counts));
      return row ?? { waiting: 0, dead: 0 };
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
      const change = { deadAt: null, deliveredAt: null, failures: 0, dueAt: sql`now()`, isPostponed: false };
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
