import * as z from 'zod';
import { databaseUrl } from '../database-url.ts';
import { flag, integer } from './kinds.ts';

export const databaseSettings = {
  DATABASE_URL: databaseUrl.optional().meta({
    description: 'PostgreSQL: a `postgres://` URL. Required in production.',
    fallback: 'an embedded PostgreSQL in `DATA_DIR`',
    example: 'postgres://user:password@ep-example.eu-central-1.aws.neon.tech/neondb?sslmode=require',
  }),
  DATABASE_DRIVER: z.enum(['pg', 'neon']).optional().meta({
    description: '`pg` or `neon`.',
    fallback: '`neon` for hosts under `neon.tech`, `pg` for any other',
    example: 'pg',
  }),
  DATABASE_MAX_CONNECTIONS: integer(1, 1000)
    .default(10)
    .meta({
      description:
        'Connections that each instance may open for requests, all its processes (`WEB_CONCURRENCY`) together; each ' +
        'process has one more, which checks that the database answers.',
    }),
  DATABASE_DIRECT_URL: databaseUrl.optional().meta({
    description:
      'The same database without its pooler, for migrations, which may take hours or run outside a transaction. It ' +
      "may have another login: that of the tables' owner.",
    fallback: "`DATABASE_URL`; for Neon's pooled host its direct one",
    example: 'postgres://owner:password@db.internal/signpost',
  }),
  DATABASE_PREPARE: flag.default(true).meta({
    description:
      'Whether statements keep their plans on a connection. `false` behind a pooler that does not support named ' +
      'statements (PgBouncer before 1.21).',
  }),
  MIGRATE_ON_START: flag.default(true).meta({
    description:
      'Whether each start brings the database to the newest schema. `false`: run `npm run db:migrate` before it; ' +
      'until then the service signs uploads, and `/readyz?full` says that the database is not ready.',
  }),
};
