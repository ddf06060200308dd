// npm run db:migrate: brings the database of DATABASE_URL to the newest schema, as every start does by itself.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../src/config.ts';
import { migrateDatabase } from '../src/db/migrate-database.ts';

async function main(): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const { url, driver } = parseConfig(process.env).database;
  if (url === undefined) throw new Error('DATABASE_URL is not set: the embedded database is migrated at every start');
  await migrateDatabase({ url, driver, folder: fileURLToPath(new URL('../drizzle', import.meta.url)) });
  console.log('the database has the newest schema');
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
