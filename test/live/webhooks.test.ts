import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDatabase, type Database } from '../../src/db/connect-database.ts';
import { createFileQueries } from '../../src/db/create-file-queries.ts';
import { createWebhookQueries } from '../../src/db/create-webhook-queries.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { newFile } from '../helpers/new-file.ts';
import { type Receiver, startReceiver } from '../helpers/webhook-receiver.ts';
import { run } from './process.ts';

const ACT = { actorId: 'alice', address: null, requestId: 'r1', action: 'upload.confirm' } as const;

let test: TestDatabase;
let database: Database;
let receiver: Receiver;
beforeAll(async () => {
  [test, receiver] = await Promise.all([createTestDatabase(), startReceiver()]);
  database = await connectDatabase({ url: test.url });
});
afterAll(async () => {
  await database.close();
  await Promise.all([test.drop(), receiver.close()]);
});

const command = async (program: string[], env: Record<string, string> = receiver.env) => {
  const [name = '', ...args] = program;
  const running = run(name, args, { DATABASE_URL: test.url, ...env });
  const { code } = await running.ended;
  return { code, output: running.output() };
};
const webhooks = (args: string[], env?: Record<string, string>) =>
  command(['node', 'dist/signpost.js', 'webhooks', ...args], env);

describe('npm run webhooks', () => {
  it('lists dead letters, sends them again, and lists what was delivered', async () => {
    const files = createFileQueries(database, { bytes: null, files: null }, () => {});
    const queries = createWebhookQueries(database);
    for (let n = 0; n < 3; n++) await files.insert(newFile(), ACT);
    const [dead, failed] = await queries.claim(2);
    if (dead === undefined || failed === undefined) throw new Error('none was due');
    // It also builds what the others run.
    expect(await command(['npm', 'run', '--silent', 'webhooks', '--', 'list'])).toEqual({ code: 0, output: '' });
    await queries.noteFailed(dead, 'answered 410', null);
    await queries.noteFailed(failed, 'answered 500', 3600);

    const line = `${dead.id} file.confirmed ${dead.at.toISOString()} ${dead.ownerId} ${dead.fileId} 1 answered 410\n`;
    expect(await webhooks(['list'])).toEqual({ code: 1, output: line });
    expect((await webhooks(['list', '--waiting'])).output.split('\n')).toHaveLength(3);

    receiver.answer = async () => 500;
    const refused = await webhooks(['retry']);
    expect([refused.code, refused.output]).toEqual([1, expect.stringMatching(/answered 500.*\n0 of 2 delivered\n$/s)]);
    receiver.answer = async () => 204;
    receiver.received.length = 0;
    const unknown = '0f1c6a0e-7c2b-4c55-9a5e-3a0f4c1f8f0d';
    await test.query(`update webhook_messages set due_at = now() + interval '1 hour' where delivered_at is null`);
    const one = await webhooks(['retry', dead.id.toUpperCase(), unknown]);
    expect([one.code, one.output]).toEqual([
      1,
      expect.stringMatching(`on its way just now: ${unknown}\n1 of 1 delivered`),
    ]);
    expect(receiver.received).toMatchObject([{ id: dead.id, isVerified: true }]);
    expect(await webhooks(['retry'])).toEqual({ code: 0, output: '2 of 2 delivered\n' });
    expect(await webhooks(['retry', dead.id])).toEqual({ code: 0, output: '1 of 1 delivered\n' });
    expect(receiver.received.filter(({ id }) => id === dead.id)).toHaveLength(2);
    const delivered = await webhooks(['list', '--delivered']);
    expect([delivered.code, delivered.output.trimEnd().split('\n').length]).toEqual([0, 3]);
  });

  it('says what is wrong with its arguments and settings', async () => {
    for (const args of [[], ['send'], ['list', 'x'], ['list', '--waiting', '--delivered'], ['retry', 'x']]) {
      expect((await webhooks(args)).code, args.join(' ')).toBe(64);
    }
    const without = await webhooks(['retry'], {});
    expect([without.code, without.output]).toEqual([2, expect.stringContaining('WEBHOOK_URL is not set')]);
  });
});
