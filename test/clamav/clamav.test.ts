import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestService, type TestService } from '../helpers/test-service.ts';

/** The only thing that this clamd knows. */
const VIRUS = 'a text that only the signature of this test finds';
const MIB = 2 ** 20;

let dir: string;
let clamd: ChildProcess;
let service: TestService;

/** Starts the daemon that TEST_CLAMD names, with a signature of our own, and waits until it answers. */
async function startClamd(): Promise<void> {
  clamd = spawn(process.env.TEST_CLAMD ?? '', ['--config-file', join(dir, 'clamd.conf')], { stdio: 'ignore' });
  await vi.waitFor(async () => expect(await isAnswering()).toBe(true), { timeout: 60_000, interval: 100 });
}

async function isAnswering(): Promise<boolean> {
  const socket = createConnection(join(dir, 'clamd.ctl'));
  try {
    await once(socket, 'connect');
    socket.write('zPING\0');
    const [answer] = await once(socket, 'data');
    return String(answer) === 'PONG\0';
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function stopClamd(): Promise<void> {
  const ended = once(clamd, 'exit');
  clamd.kill('SIGKILL');
  await ended;
  await rm(join(dir, 'clamd.ctl'), { force: true });
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signpost-clamav-'));
  // Manual page clamd.conf(5); the format of the signature is ClamAV's "Body-based signatures".
  await writeFile(join(dir, 'own.ndb'), `Signpost.Test:0:*:${Buffer.from(VIRUS).toString('hex')}\n`);
  const settings = {
    Foreground: 'yes',
    DatabaseDirectory: dir,
    LocalSocket: join(dir, 'clamd.ctl'),
    StreamMaxLength: '3M',
    MaxFileSize: '2M',
    AlertExceedsMax: 'yes',
  };
  await writeFile(
    join(dir, 'clamd.conf'),
    Object.entries(settings)
      .map((pair) => `${pair.join(' ')}\n`)
      .join(''),
  );
  await startClamd();
  service = await startTestService({ env: { HOLD_UPLOADS: 'true', SCAN: `clamd://${join(dir, 'clamd.ctl')}` } });
});
afterAll(async () => {
  await service.close();
  await stopClamd();
  await rm(dir, { recursive: true });
});

const run = () => service.services.scanner?.run();
const stateOf = async (user: string, fileId: string) => (await service.call(user, `/files/${fileId}`)).body;

describe('ClamAV', () => {
  it('makes clean files active and rejects infected ones, wherever in a file it finds something', async () => {
    const clean = await service.store('alice', 'x'.repeat(MIB));
    const empty = await service.store('alice', '');
    const infected = await service.store('alice', `${'x'.repeat(MIB)}${VIRUS}${'x'.repeat(1000)}`);
    expect(await run()).toEqual({ clean: 2, rejected: 1, failed: 0, waiting: 0 });
    expect(await stateOf('alice', clean.fileId)).toMatchObject({ status: 'active' });
    expect(await stateOf('alice', empty.fileId)).toMatchObject({ status: 'active' });
    const rejected = { status: 'rejected', rejection: 'Signpost.Test.UNOFFICIAL' };
    expect(await stateOf('alice', infected.fileId)).toMatchObject(rejected);
    expect(await service.bucket.read(infected.objectKey)).toBeNull();
  });

  it.each([
    ['the stream', 4 * MIB],
    ['what it scans of a file', 2.5 * MIB],
  ])('passes nothing that exceeds the limit of %s', async (_name, size) => {
    const { fileId, objectKey } = await service.store('bob', 'x'.repeat(size));
    expect(await run()).toMatchObject({ clean: 0, rejected: 0, failed: 1 });
    expect(await stateOf('bob', fileId)).toMatchObject({ status: 'held' });
    expect((await service.bucket.read(objectKey))?.length).toBe(size);
  });

  it('holds files while it is down, and judges them when it is back', async () => {
    await stopClamd();
    const { fileId } = await service.store('carl', 'hello');
    await expect(run()).rejects.toMatchObject({ name: 'ScanFailed', isAway: true });
    expect(await stateOf('carl', fileId)).toMatchObject({ status: 'held' });
    await startClamd();
    expect(await run()).toMatchObject({ clean: 1, rejected: 0 });
    expect(await stateOf('carl', fileId)).toMatchObject({ status: 'active' });
  });
});
