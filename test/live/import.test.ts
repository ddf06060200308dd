import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { SECRET, startTestBucket } from '../helpers/test-service.ts';
import { run } from './process.ts';

let bucket: Awaited<ReturnType<typeof startTestBucket>>;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
beforeAll(async () => {
  bucket = await startTestBucket();
  database = await createTestDatabase();
});
afterAll(async () => {
  await bucket.close();
  await database.drop();
});

describe('npm run import', () => {
  const npmRunImport = async (...args: string[]) => {
    const env = { NODE_ENV: 'production', JWT_SECRET: SECRET, DATABASE_URL: database.url, ...bucket.env };
    const program = run(
      'npm',
      ['run', '--silent', 'import', '--', '--prefix', 'old/', '--owner', 'alice', ...args],
      env,
    );
    const { code } = await program.ended;
    return { code, output: program.output() };
  };

  it('reports, imports, and tells findings by its exit code', async () => {
    await bucket.write('old/a.txt', 'one', { ContentType: 'text/plain' });
    const tried = await npmRunImport('--dry-run');
    expect(tried.output).toMatch(/^listed +1\nimported +1\nknown +0\n/m);
    expect(tried.output).toMatch(/\ndry run: nothing was changed\n$/);
    expect(tried.code).toBe(1);
    const { code, output } = await npmRunImport('--json', '--record-id', 'case-1', '--document-type', 'contract');
    expect(code).toBe(0);
    const [line, summary] = output.match(/^\{.*$/gm)?.map((text) => JSON.parse(text)) ?? [];
    const objectKey = expect.stringMatching(/^alice\/case-1\/contract\/[^/]+\/a.txt$/);
    expect(line).toEqual({ key: 'old/a.txt', result: 'imported', fileId: expect.any(String), objectKey });
    expect(summary).toMatchObject({ counts: { imported: 1, rejected: 0 } });
    const rows = await database.query('select id, file_name, record_id, document_type from files');
    expect(rows).toEqual([{ id: line.fileId, file_name: 'a.txt', record_id: 'case-1', document_type: 'contract' }]);

    await bucket.write('old/b.txt', 'MZ\0\0', { ContentType: 'image/png' });
    const { code: found, output: text } = await npmRunImport();
    expect(text).toMatch(
      /^old\/b.txt\n {2}contentType the content is .*\nlisted +2\nimported +0\nknown +1\nrejected +1\n/m,
    );
    expect(found).toBe(1);
  });
});
