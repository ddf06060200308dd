import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Env } from './env.ts';

/** The template of the route that a request matches, as `/files/:fileId`; null if it matches none. */
export function routeOf(c: Context<Env>): string | null {
  // Middleware matches every method.
  return matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? null;
}
