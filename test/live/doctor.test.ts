import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

describe('npm run doctor, with nothing configured', () => {
  it('finds that everything holds', async () => {
    const { code, output } = await npm('doctor');
    expect(output).toMatch(/^4\d hold, 0 to look at, 0 to mend$/m);
    expect(output).toMatch(/^ok {3}database: row level security +on for files/m);
    expect(output).not.toContain('X-Amz-Signature');
    expect(code).toBe(0);
  });

  it('leaves a service on the same data alone, and says what to do', async () => {
    service = run('node', ['dist/main.js'], env);
    const [, port] = await service.until(/"port":(\d+)/);
    const { code, output } = await npm('doctor');
    expect(output).toMatch(/^FAIL embedded database .*a service runs on/m);
    expect(output).toContain('stop the service on this DATA_DIR');
    expect(code).toBe(1);
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).toBe(200);
    expect(await service.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('removes what it stored when it is stopped, and ends with 1', async () => {
    const doctor = run('node', ['dist/doctor.js'], env);
    await doctor.until(/PUT: as signed/);
    expect(await doctor.stop('SIGINT')).toEqual({ code: 1, signal: null });
    expect(doctor.output()).toMatch(/, 0 to mend, stopped before the end$/m);
    const again = await npm('doctor');
    expect(again.code).toBe(0);
  });
});

describe('the flags', () => {
  it.each(['doctor', 'bucket:setup'])('of npm run %s: --help tells them, an unknown one ends with 1', async (name) => {
    expect(await npm(name, '--', '--help')).toMatchObject({
      code: 0,
      output: expect.stringContaining(`usage: npm run ${name}`),
    });
    expect(await npm(name, '--', '--nope')).toMatchObject({
      code: 1,
      output: expect.stringContaining(`usage: npm run ${name}`),
    });
  });
});
