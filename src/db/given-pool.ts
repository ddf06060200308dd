import { inTime } from '../net/in-time.ts';

/** The common interface of both drivers' clients. */
export type Client = {
  query(query: string | { text: string; name?: string | undefined }, values?: unknown[]): Promise<unknown>;
  escapeLiteral(text: string): string;
  release(destroy: boolean): void;
  on(event: 'error', listener: () => void): unknown;
};

/** The part of a pool, of the app's or the service's own, that the service uses. */
export type Lender<C> = {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  connect(): Promise<C>;
};

/**
 * A pool of the app's: `Pool` of `pg`, or of `@neondatabase/serverless`. The service borrows a connection for one
 * transaction or statement at a time, sets nothing that outlives the transaction, and never ends the pool.
 */
export type GivenPool = Lender<Client> & {
  readonly options: { host?: string | undefined; connectionString?: string | undefined; max?: number | undefined };
};

/** Whether a value is a pool of one of the two drivers: neither a client, nor `neon()`, nor Drizzle. */
export function isGivenPool(value: unknown): value is GivenPool {
  if (typeof value !== 'object' || value === null || !('connect' in value) || !('options' in value)) return false;
  return 'idleCount' in value && typeof value.connect === 'function' && typeof value.options === 'object';
}

/** A connection of a pool that may have no time limit. One that comes too late is given back. */
export async function borrow<C extends Client>(pool: Lender<C>, withinMs: number): Promise<C> {
  const connecting = pool.connect();
  let isLate = false;
  connecting.then(
    (client) => isLate && client.release(false),
    () => {},
  );
  try {
    return await inTime(connecting, withinMs);
  } catch (error) {
    isLate = true;
    throw error;
  }
}
