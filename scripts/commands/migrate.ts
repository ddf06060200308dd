import { migrateDatabase } from '../../src/db/migrate-database.ts';
import { grantRuntimeRights } from '../../src/db/runtime-rights.ts';
import { defineServiceCommand, EXIT } from '../command.ts';

const usage = `usage: signpost migrate [--grant <login>]

Migrates the database of DATABASE_DIRECT_URL, or else DATABASE_URL, to the newest schema, as every start does unless
MIGRATE_ON_START is false. --grant gives a login the rights to run the service without owning the tables: repeat it
after each migration.

Exit code: 0 the schema is the newest, 2 the database could not be migrated, 64 wrong arguments.`;

export const migrateCommand = defineServiceCommand(
  { usage, options: { grant: { type: 'string' } } },
  async ({ database }, { values: { grant } }) => {
    const { driver, directUrl: url } = database;
    if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database is migrated at every start');
    await migrateDatabase({ url, driver });
    if (grant !== undefined) await grantRuntimeRights({ url, driver }, grant);
    console.log(`the database has the newest schema${grant === undefined ? '' : `, and ${grant} may run the service`}`);
    return EXIT.holds;
  },
);
