import type * as z from 'zod';
import { jsonText } from '../contract/json-text.ts';

/** The cursor of a page, opaque to the client: the position where the page ended. */
export function toCursor(position: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The position that `toCursor` wrote, as the schema reads it; null for anything else. */
export function readCursor<Position>(schema: z.ZodType<Position, unknown>, cursor: string): Position | null {
  return jsonText.pipe(schema).safeParse(Buffer.from(cursor, 'base64url').toString()).data ?? null;
}
