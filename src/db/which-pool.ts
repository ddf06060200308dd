import type { Pool as NeonPool } from '@neondatabase/serverless';
import type { Pool as PgPool } from 'pg';
import { type GivenPool, isGivenPool } from './given-pool.ts';

/** Only Neon's driver may send queries by `fetch`, and keeps note of what forbids that. */
export function isNeonPool(pool: GivenPool): pool is NeonPool {
  return 'hasFetchUnsupportedListeners' in pool;
}

export function isPgPool(pool: GivenPool): pool is PgPool {
  return isGivenPool(pool) && !isNeonPool(pool);
}
