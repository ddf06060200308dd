// npm run db:migrate
import { fileURLToPath } from 'node:url';
import { migrateDatabase } from '../src/db/migrate-database.ts';
import { EXIT, runCommand } from '../src/run.ts';

const usage = `usage: npm run db:migrate

Brings the database of DATABASE_URL to the newest schema, as every start does by itself.

Exit code: 0 it has the newest schema, 2 it could not be migrated, 64 wrong arguments.`;

await runCommand({ usage }, async ({ database: { url, driver } }) => {
  if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database is migrated at every start');
  await migrateDatabase({ url, driver, folder: fileURLToPath(new URL('../drizzle', import.meta.url)) });
  console.log('the database has the newest schema');
  return EXIT.holds;
});
