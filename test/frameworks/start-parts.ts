import { createTestDatabase } from '../helpers/database.ts';
import { startTestBucket } from '../helpers/test-service.ts';
import { PAGE } from './upload-through.ts';

export type TestParts = Awaited<ReturnType<typeof startTestParts>>;

/** A bucket and a database, and the settings that an app in production has for them. */
export async function startTestParts() {
  const bucket = await startTestBucket();
  const database = await createTestDatabase();
  return {
    database,
    env: {
      ...bucket.env,
      NODE_ENV: 'production',
      DATABASE_URL: database.url,
      UPLOAD_ID_SECRET: 'a secret for tests that has more than thirty-two bytes',
      PROXY_DOWNLOADS: 'true',
      ALLOWED_ORIGINS: PAGE,
    },
    /** The addresses that the audit log has for a file. */
    addressesOf: async (fileId: string): Promise<unknown[]> => {
      const rows = await database.query('select distinct address from audit_events where file_id = $1', [fileId]);
      return rows.map(({ address }) => address);
    },
    stop: async () => {
      await bucket.close();
      await database.drop();
    },
  };
}
