import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuditFixture, startAuditLog } from '../audit/audit-fixture.ts';
import { run } from './process.ts';

let log: AuditFixture;
beforeAll(async () => {
  log = await startAuditLog();
});
afterAll(() => log.close());

const npm = async (...args: string[]) => {
  const running = run('npm', ['run', '--silent', ...args], { DATABASE_URL: log.test.url });
  const { code } = await running.ended;
  return { code, output: running.output() };
};

describe('npm run audit:seal and audit:verify', () => {
  it('seal, verify, compare with a stored seal, and return 1 after tampering', async () => {
    await log.add(3);
    await log.settled();
    const sealed = await npm('audit:seal');
    const [, noted = ''] = /^3 rows sealed: (1:[0-9a-f]{64})\n$/.exec(sealed.output) ?? [];
    expect([sealed.code, noted]).toEqual([0, expect.stringMatching(/^1:/)]);
    expect(await npm('audit:seal')).toEqual({ code: 0, output: 'nothing to seal\n' });

    const whole = `seals: 1; sealed rows: 3; rows not sealed yet: 0\nlast seal: ${noted}\nevery sealed row is unchanged\n`;
    expect(await npm('audit:verify')).toEqual({ code: 0, output: whole });
    expect(await npm('audit:verify', '--', '--expect', noted)).toEqual({ code: 0, output: whole });
    const other = `1:${'0'.repeat(64)}`;
    expect(await npm('audit:verify', '--', '--expect', other)).toMatchObject({
      code: 1,
      output: expect.stringContaining('seal 1: is not the expected seal'),
    });

    await log.test.query('delete from audit_events where id = 2');
    const broken = await npm('audit:verify');
    expect(broken.code).toBe(1);
    expect(broken.output).toContain('seal 1: 1 of its 3 rows were removed');
    expect(broken.output).not.toContain('every sealed row');
  });
});

describe('signpost audit export and drop', () => {
  it('export what can be verified without the database, and drop what is old', async () => {
    const own = await startAuditLog();
    await own.add(3);
    await own.seal();
    await own.add(1);
    const audit = async (args: string[], env: Record<string, string> = { DATABASE_URL: own.test.url }) => {
      const running = run(process.execPath, ['dist/signpost.js', 'audit', ...args], env);
      const { code } = await running.ended;
      return { code, output: running.output() };
    };

    const { code, output } = await audit(['export', '--from', '2026-01-01']);
    expect([code, output.split('\n').length]).toEqual([0, 7]);
    const file = join(await mkdtemp(join(tmpdir(), 'audit-')), 'export.jsonl');
    await writeFile(file, output);
    const verified = await audit(['verify', '--file', file], {});
    expect(verified).toMatchObject({
      code: 0,
      output: expect.stringContaining('seals: 1; sealed rows: 3; rows not sealed yet: 1'),
    });
    await writeFile(file, output.replace('"alice"', '"bob"'));
    expect(await audit(['verify', '--file', file], {})).toMatchObject({
      code: 1,
      output: expect.stringContaining('line 1: a row, this seal or the previous one was changed'),
    });

    expect(await audit(['drop', '--before', '2030-01-01', '--dry-run'])).toEqual({
      code: 0,
      output: 'seal 1: 3 rows would be dropped\n',
    });
    expect(await audit(['drop', '--before', '2030-01-01'])).toEqual({ code: 0, output: 'seal 1: 3 rows dropped\n' });
    expect(await audit(['verify'])).toMatchObject({
      code: 0,
      output: expect.stringContaining('seals whose rows were dropped, and cannot be verified here: 1'),
    });
    for (const wrong of [
      ['drop'],
      ['drop', '--before', 'May'],
      ['export', '--file', 'x'],
      ['seal', 'twice'],
      ['burn'],
    ]) {
      expect((await audit(wrong)).code, wrong.join(' ')).toBe(64);
    }
    expect((await audit(['verify', '--file', '/nowhere'])).code).toBe(2);
    await own.close();
  });
});
