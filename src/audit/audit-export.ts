import * as z from 'zod';
import type { AuditEventRow, AuditSealRow } from '../db/audit-schema.ts';
import type { SealQueries } from '../db/create-seal-queries.ts';
import { hashStretch } from './hash-stretch.ts';
import { sealedStretches } from './sealed-stretches.ts';
import { findChange, findGap } from './verify-audit-log.ts';

/** A time range: from `from` on, and before `to`. */
type Range = { from?: Date | undefined; to?: Date | undefined };

/** A line of an export: a seal, then the events it covers; at the end the events without a seal. */
type Line =
  | ({ type: 'seal'; previous: Pick<AuditSealRow, 'hash' | 'lastId'> | null } & AuditSealRow)
  | { type: 'unsealed' }
  | ({ type: 'event' } & AuditEventRow);

/**
 * The audit log as JSON lines, each with its line break. Exports whole stretches, each after its seal, from the first
 * to the last one that has an event in the range. So the export can be verified without the database. Events without a
 * seal come last, and only those in the range.
 * @throws {Problem} `database-unavailable`.
 */
export async function* exportAuditLog(
  { sealQueries }: { sealQueries: SealQueries },
  { from = new Date(0), to }: Range,
): AsyncGenerator<string> {
  const { sealed, unsealed } = await sealedStretches(sealQueries);
  const isBefore = (time: Date) => to === undefined || time < to;
  const isInside: boolean[] = [];
  for (const { stretch } of sealed) {
    const span = await sealQueries.span(stretch);
    isInside.push(span.from !== null && span.to !== null && span.to >= from && isBefore(span.from));
  }
  for (const { seal, previous, stretch } of sealed.slice(isInside.indexOf(true), isInside.lastIndexOf(true) + 1)) {
    const chain = previous === undefined ? null : { hash: previous.hash, lastId: previous.lastId };
    yield toLine({ type: 'seal', ...seal, previous: chain });
    for await (const row of sealQueries.rows(stretch)) yield toLine({ type: 'event', ...row });
  }
  yield toLine({ type: 'unsealed' });
  for await (const row of sealQueries.rows(unsealed)) {
    if (row.at >= from && isBefore(row.at)) yield toLine({ type: 'event', ...row });
  }
}

const toLine = (line: Line) => `${JSON.stringify(line)}\n`;

const time = z.iso.datetime().transform((text) => new Date(text));
const text = z.string().nullable();

const LINES = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('seal'),
    previous: z.strictObject({ hash: z.string(), lastId: z.int() }).nullable(),
    number: z.int(),
    fromXid: z.string(),
    toXid: z.string(),
    events: z.int(),
    lastId: z.int(),
    hash: z.string(),
    sealedAt: time,
    droppedAt: time.nullable(),
  }),
  z.strictObject({ type: z.literal('unsealed') }),
  z.strictObject({
    type: z.literal('event'),
    id: z.int(),
    xid: z.string(),
    at: time,
    actorId: z.string(),
    userId: z.string(),
    action: z.string(),
    outcome: z.string(),
    fileId: text,
    objectKey: text,
    address: text,
    requestId: z.string(),
    sentBytes: z.int().nullable(),
  }),
]);

type ExportReport = {
  /** Each fault, with its line; empty if every sealed event is as it was sealed. */
  broken: { line: number; message: string }[];
  seals: number;
  sealed: number;
  unsealed: number;
  /** The last seal; null without one. */
  last: AuditSealRow | null;
};

/**
 * Compares an export with its own seals, without the database: finds every event that was removed, added or changed,
 * a missing stretch between two others, and a file without its end. Only a seal stored elsewhere shows that the last
 * stretches were removed.
 * @param lines the lines without their line breaks.
 * @param expected a seal stored earlier, as `formatSeal` writes it.
 */
export async function verifyAuditExport(
  lines: AsyncIterable<string>,
  expected?: { number: number; hash: string },
): Promise<ExportReport> {
  const report: ExportReport = { broken: [], seals: 0, sealed: 0, unsealed: 0, last: null };
  let line = 0;
  let isWhole = false;
  let isExpected = false;
  /** The line after the events that were just read. */
  let next: z.infer<typeof LINES> | null = null;
  const source = lines[Symbol.asyncIterator]();

  async function read(): Promise<z.infer<typeof LINES> | null> {
    const { done, value } = await source.next();
    if (done) return null;
    line += 1;
    // Some programs of Windows put a byte order mark in front of a text.
    const parsed = LINES.safeParse(parseJson(line === 1 ? value.replace(/^\ufeff/, '') : value));
    if (parsed.success) return parsed.data;
    report.broken.push({ line, message: 'it is not a line of an export' });
    return read();
  }

  async function* events(): AsyncGenerator<AuditEventRow> {
    for (next = await read(); next?.type === 'event'; next = await read()) yield next;
  }

  next = await read();
  while (next !== null) {
    const at = line;
    const head = next;
    isWhole = head.type === 'unsealed';
    if (head.type === 'seal') {
      const found = await hashStretch(head.previous ?? undefined, head, events());
      const messages = [findBreak(report.last, head), findChange(head, found)];
      if (head.number === expected?.number) isExpected = head.hash === expected.hash;
      report.broken.push(...messages.flatMap((message) => (message === null ? [] : [{ line: at, message }])));
      report.seals += 1;
      report.sealed += found.events;
      report.last = head;
    } else {
      if (head.type === 'event') report.broken.push({ line: at, message: 'it is an event before any seal' });
      for await (const _ of events()) report.unsealed += 1;
    }
  }
  if (!isWhole) report.broken.push({ line, message: 'the export ends here, and was cut off' });
  if (expected !== undefined && !isExpected) {
    report.broken.push({ line, message: `seal ${expected.number} is missing, or not the expected one` });
  }
  return report;
}

/** The fault between a seal and the one before it in the export; null if there is none. */
function findBreak(last: AuditSealRow | null, seal: Line & { type: 'seal' }): string | null {
  if (last === null) return null;
  const gap = findGap(last, seal);
  return gap ?? (seal.previous?.hash === last.hash ? null : 'it was made after another seal than the one before it');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
