import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { listen } from '../helpers/listen.ts';
import { type Running, run } from './process.ts';

let dir: string;
let env: Record<string, string>;
let service: Running | undefined;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signpost-doctor-'));
  env = { PORT: '0', DATA_DIR: join(dir, 'data') };
});
afterAll(async () => {
  await service?.stop('SIGTERM');
  await rm(dir, { recursive: true, force: true });
});

async function npm(...args: string[]) {
  const program = run('npm', ['run', '--silent', ...args], env);
  return { ...(await program.ended), output: program.output() };
}

describe('npm run doctor without configuration', () => {
  it('finds no failure', async () => {
    const { code, output } = await npm('doctor');
    expect(output).toMatch(/^\d+ ok, 0 warnings, 0 failures$/m);
    expect(output).toMatch(/^ok {3}database: row level security +on for files/m);
    expect(output).not.toContain('X-Amz-Signature');
    expect(code).toBe(0);
  });

  it('does not disturb a service on the same data, says what to do, and returns 2', async () => {
    service = run('node', ['dist/main.js'], env);
    const [, port] = await service.until(/"port":(\d+)/);
    const { code, output } = await npm('doctor');
    expect(output).toMatch(/^FAIL embedded database .*another Signpost \(process \d+\) uses /m);
    expect(output).toContain('stop the service on this DATA_DIR');
    expect(code).toBe(2);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    expect(await service.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it.each(['SIGINT', 'SIGHUP'] as const)('removes its objects when it gets %s, and returns 2', async (signal) => {
    const doctor = run('node', ['dist/signpost.js', 'doctor'], env);
    await doctor.until(/PUT: as signed/);
    expect(await doctor.stop(signal)).toEqual({ code: 2, signal: null });
    expect(doctor.output()).toMatch(/, 0 failures, stopped before the end$/m);
    const again = await npm('doctor');
    expect(again.code).toBe(0);
  });
});

describe('the commands', () => {
  const COMMANDS = [
    'doctor',
    'bucket-setup',
    'token',
    'sweep',
    'rebuild',
    'rekey',
    'import',
    'audit',
    'migrate',
    'webhooks',
  ];
  /** As `npm run` starts them, already built. */
  const command = async (name: string, args: readonly string[], settings: Record<string, string> = env) => {
    const program = run('node', ['dist/signpost.js', name, ...args], settings);
    return { ...(await program.ended), output: program.output() };
  };

  it.each(COMMANDS)('%s prints its usage with --help, with any settings, and returns 0', async (name) => {
    const { code, output } = await command(name, ['--help'], { PORT: 'wrong' });
    expect(output).toMatch(/^usage: signpost /);
    expect(output).toMatch(/^Exit code: 0 /m);
    expect(code).toBe(0);
  });

  it.each([
    ...COMMANDS.map((name) => `${name} --nope`),
    'doctor now',
    'sweep --dry-run=yes',
    'audit',
    'audit verify --expect 1',
    'audit seal --expect 1:0',
    'token',
    'token alice --ttl hour',
    'token alice --scope files:nope',
    'token alice --owner acme',
    'doctor --token -',
    'migrate --grant=',
    'import --owner alice',
    'import --prefix old/',
    'import --prefix old/ --owner alice --record-id a/b',
  ])('%s: unknown arguments return 64, with the reason and the usage', async (line) => {
    const [name = '', ...args] = line.split(' ');
    const { code, output } = await command(name, args);
    expect(output).toMatch(/^(?!usage).+\n\nusage: signpost /);
    expect(code).toBe(64);
  });

  it.each([
    ['bad settings', { PORT: 'wrong' }, 'PORT: must be'],
    ['a database that is down', { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' }, /ECONNREFUSED|does not answer/],
  ])('return 2 if they cannot run: %s', async (_, settings: Record<string, string>, reason) => {
    const reached = { PORT: '0', DATA_DIR: env.DATA_DIR ?? '', ...settings };
    for (const [name = '', ...args] of [['audit', 'verify'], ['audit', 'seal'], ['migrate'], ['doctor']]) {
      const { code, output } = await command(name, args, reached);
      expect(output).toMatch(reason);
      expect([name, code]).toEqual([name, 2]);
    }
  });

  describe('with a bucket that refuses these credentials', () => {
    const store = createServer((_, response) => response.writeHead(403, { 'x-amz-request-id': '1' }).end());
    let settings: Record<string, string>;
    beforeAll(async () => {
      const bucket = { S3_BUCKET_NAME: 'files', S3_ENDPOINT: await listen(store), S3_FORCE_PATH_STYLE: 'true' };
      settings = { ...env, ...bucket, AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
    });
    afterAll(() => store.close());

    const JOBS = ['sweep', 'rebuild', 'import --prefix old/ --owner alice'];
    it.each(JOBS)('%s shows the bucket’s answer', async (line) => {
      const [name = '', ...args] = line.split(' ');
      const database = await createTestDatabase();
      const { code, output } = await command(name, args, { ...settings, DATABASE_URL: database.url });
      expect(output).toContain('\n  because: 403 AccessDenied\n');
      expect(output).not.toContain('UnknownError');
      expect(code).toBe(2);
      await database.drop();
    });

    it.each(JOBS)('%s shows the database’s answer', async (line) => {
      const [name = '', ...args] = line.split(' ');
      const { code, output } = await command(name, args, { ...settings, DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' });
      expect(output).toContain(': connect ECONNREFUSED 127.0.0.1:1 {"inSeconds":0.5}\n');
      expect(output).not.toContain('UnknownError');
      expect(code).toBe(2);
    });
  });

  it('token makes a token that doctor --token explains, from standard input or TOKEN', async () => {
    const { output } = await command('token', ['alice', '--scope', 'files:read']);
    const token = output.trim();
    const piped = run('sh', ['-c', `echo ${token} | node dist/signpost.js doctor --token -`], env);
    expect(await piped.ended).toMatchObject({ code: 0 });
    expect(piped.output()).toMatch(/^ok {3}token: user +"alice", by sub$/m);
    expect(piped.output()).toMatch(/^ok {3}token: scopes +files:read, by scope$/m);
    const refused = await command('doctor', ['--token', '-'], { ...env, TOKEN: token, JWT_AUDIENCE: 'files' });
    expect(refused.output).toMatch(/^FAIL token: verifies +it has no aud.*\n +fix: JWT_AUDIENCE/m);
    expect(refused.output).not.toContain(token.split('.')[1]);
    expect(refused.code).toBe(1);
  });

  it('token --ticket makes a token that may only upload, and refuses limits that it cannot read', async () => {
    const made = await command('token', ['alice', '--ticket', '{"recordId":"case-42","maxFiles":3}']);
    const claims = JSON.parse(Buffer.from(made.output.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ scope: 'files:write', signpost: { recordId: 'case-42', maxFiles: 3 } });
    for (const limits of ['{"maxBytes":-1}', '{"maxbytes":1}', 'none']) {
      const refused = await command('token', ['alice', '--ticket', limits]);
      expect(refused).toMatchObject({ code: 64, output: expect.stringMatching(/^--ticket takes limits as JSON: /m) });
    }
  });

  it('token names the setting that prevents signing', async () => {
    const wrong = await command('token', ['alice'], { ...env, JWT_SECRET: 'x'.repeat(32), JWT_ALGORITHMS: 'RS256' });
    expect(wrong).toMatchObject({ code: 2, output: 'JWT_ALGORITHMS: a secret signs with HS256, HS384 or HS512\n' });
  });

  it('doctor --strict treats a warning as a failure', async () => {
    const issuer = createServer((_, response) => response.end('{"keys":[{"kty":"EC"}]}'));
    const settings = { ...env, JWKS_URL: await listen(issuer) };
    const lax = await command('doctor', [], settings);
    expect(lax.output).toMatch(/^warn tokens: audience/m);
    expect(lax.code).toBe(0);
    expect((await command('doctor', ['--strict'], settings)).code).toBe(1);
    issuer.close();
  });
});
