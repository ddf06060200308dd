// npm run db:migrate: brings the database of DATABASE_URL to the newest schema, as every start does by itself.
import { fileURLToPath } from 'node:url';
import { migrateDatabase } from '../src/db/migrate-database.ts';
import { run } from '../src/run.ts';

await run(async ({ database: { url, driver } }) => {
  if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database is migrated at every start');
  await migrateDatabase({ url, driver, folder: fileURLToPath(new URL('../drizzle', import.meta.url)) });
  console.log('the database has the newest schema');
});
