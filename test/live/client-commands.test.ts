import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, type Running, run } from './process.ts';

const BIN = join(ROOT, 'dist', 'signpost.js');
const MIB = 1024 ** 2;

let dir: string;
let service: Running;
let env: Record<string, string>;
let judge: Record<string, string>;
const settings = () => ({
  PORT: '0',
  DATA_DIR: join(dir, 'data'),
  MAX_UPLOAD_BYTES: String(200 * MIB),
  UPLOAD_POLICIES: '{"letter":{"hold":true},"note":{"maxBytes":7}}',
  MULTIPART_THRESHOLD_BYTES: String(5 * MIB),
  MULTIPART_PART_BYTES: String(5 * MIB),
});
const memory = () => join(dir, 'state', 'signpost', 'uploads.json');

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signpost-client-'));
  await run('node', ['scripts/build.mjs']).ended;
  service = run('node', [BIN, 'start'], settings(), dir);
  const [, port] = await service.until(/"port":(\d+)/);
  const token = run('node', [BIN, 'token', 'alice'], settings(), dir);
  await token.ended;
  const judges = run('node', [BIN, 'token', 'judge', '--scope', 'files:judge'], settings(), dir);
  await judges.ended;
  judge = { TOKEN: judges.output().trim() };
  env = { SIGNPOST: `http://127.0.0.1:${port}`, TOKEN: token.output().trim(), XDG_STATE_HOME: join(dir, 'state') };
});
afterAll(async () => {
  await service.stop('SIGTERM');
  await rm(dir, { recursive: true, force: true });
});

async function signpost(args: readonly string[], more: Record<string, string> = {}) {
  const program = run('node', [BIN, ...args], { ...env, ...more }, dir);
  const { code } = await program.ended;
  return { code, output: program.output(), lines: program.output().trimEnd().split('\n') };
}

describe('the client commands of signpost', () => {
  it('upload files and folders, list, download, count and delete them', async () => {
    await mkdir(join(dir, 'case', 'sub'), { recursive: true });
    await writeFile(join(dir, 'case', 'a.txt'), 'first');
    await writeFile(join(dir, 'case', 'sub', 'ü b.md'), '# second');
    const uploaded = await signpost([
      'upload',
      'case',
      '--record',
      'r1',
      '--meta',
      'source=cli',
      '--checksum',
      '--json',
    ]);
    expect(uploaded.code).toBe(0);
    const files = uploaded.lines.map((line) => JSON.parse(line)).sort((a, b) => a.size - b.size);
    expect(files).toMatchObject([
      { fileName: 'a.txt', contentType: 'text/plain', recordId: 'r1', metadata: { path: 'case/a.txt', source: 'cli' } },
      { fileName: 'ü b.md', contentType: 'text/markdown', metadata: { path: 'case/sub/ü b.md' } },
    ]);

    const listed = await signpost(['ls', '--record', 'r1', '--name', 'ü']);
    expect(listed.lines.map((line) => line.split('\t').at(-1))).toEqual(['ü b.md']);

    const [{ fileId }] = files;
    expect(await signpost(['get', fileId, '-o', 'copy.txt'])).toMatchObject({ code: 0 });
    expect(await readFile(join(dir, 'copy.txt'), 'utf8')).toBe('first');
    expect(await signpost(['get', fileId, '-o', '-'])).toMatchObject({ code: 0, output: 'first' });
    expect(await signpost(['get', fileId, '-o', 'copy.txt'])).toMatchObject({ code: 1 });
    await run('mkfifo', [join(dir, 'pipe')]).ended;
    for (const [output, why] of [
      ['pipe', 'pipe is not a file'],
      ['nowhere/', 'nowhere/ is not a folder'],
    ] as const) {
      const refused = await signpost(['get', fileId, '-o', output, '--force']);
      expect(refused).toMatchObject({ code: 1, output: expect.stringContaining(why) });
    }

    expect((await signpost(['usage', '--json'])).output).toContain('"files":2');
    expect(await signpost(['rm', fileId, 'nope'])).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^nope: .* \(file-not-found\)$/m),
    });
    expect((await signpost(['usage', '--json'])).output).toContain('"files":1');
  });

  it('resume the same upload after Ctrl-C, with the missing parts only', async () => {
    const bytes = randomBytes(120 * MIB);
    await writeFile(join(dir, 'film.bin'), bytes);
    const first = run('node', [BIN, 'upload', 'film.bin'], env, dir);
    await expect.poll(() => readFile(memory(), 'utf8').catch(() => ''), { interval: 5 }).toContain('uploadId');
    expect(await first.stop('SIGINT')).toEqual({ code: 130, signal: null });
    const [saved = ''] = Object.values(JSON.parse(await readFile(memory(), 'utf8')));
    const { objectKey } = JSON.parse(String(saved));

    const second = await signpost(['upload', 'film.bin', '--json']);
    expect(second.code).toBe(0);
    const file = JSON.parse(second.output);
    expect(file).toMatchObject({ objectKey, size: bytes.length });
    expect(JSON.parse(await readFile(memory(), 'utf8'))).toEqual({});

    expect(await signpost(['get', file.fileId, '-o', 'back.bin'])).toMatchObject({ code: 0 });
    const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex');
    expect(hash(await readFile(join(dir, 'back.bin')))).toBe(hash(bytes));
  });

  it('continue a download where it stopped, and refuse another file’s bytes', async () => {
    await writeFile(join(dir, 'notes.txt'), 'abcdefghij');
    const { lines } = await signpost(['upload', 'notes.txt', '--checksum', '--json']);
    const { fileId, etag } = JSON.parse(lines[0] ?? '');
    const part = join(dir, `into.txt.${etag.replaceAll('"', '').slice(0, 12)}.part`);
    await writeFile(part, 'abcde');
    expect(await signpost(['get', fileId, '-o', 'into.txt'])).toMatchObject({ code: 0 });
    expect(await readFile(join(dir, 'into.txt'), 'utf8')).toBe('abcdefghij');

    await writeFile(part, 'abcdefghij, and what another download wrote');
    const longer = await signpost(['get', fileId, '-o', 'into.txt', '--force']);
    expect(longer).toMatchObject({ code: 1, output: expect.stringContaining('not the file') });
    expect(await readFile(join(dir, 'into.txt'), 'utf8')).toBe('abcdefghij');

    await writeFile(part, 'XXXXX');
    const wrong = await signpost(['get', fileId, '-o', 'into.txt', '--force']);
    expect(wrong).toMatchObject({ code: 1, output: expect.stringContaining('SHA-256') });
    expect(await readFile(join(dir, 'into.txt'), 'utf8')).toBe('abcdefghij');
  });

  it('end in silence when the reader of their output has gone', async () => {
    // More than a pipe holds.
    await writeFile(join(dir, 'long.bin'), randomBytes(MIB));
    const { lines } = await signpost(['upload', 'long.bin', '--json']);
    const { fileId } = JSON.parse(lines[0] ?? '');
    const piped = run('bash', ['-c', `set -o pipefail; node ${BIN} get ${fileId} -o - | true`], env, dir);
    expect(await piped.ended).toMatchObject({ code: 141 });
    expect(piped.output()).toBe('');
  });

  it('tell that the disk is full that their output goes to', async () => {
    const full = run('bash', ['-c', `node ${BIN} usage > /dev/full`], env, dir);
    expect(await full.ended).toMatchObject({ code: 2 });
    expect(full.output()).toMatch(/^standard output: ENOSPC/);
  });

  it('download a file whose name is as long as a name may be', async () => {
    const longest = `${'ü'.repeat(125)}x.txt`;
    await writeFile(join(dir, 'short.txt'), 'text');
    const { lines } = await signpost(['upload', 'short.txt', '--name', longest, '--json']);
    const { fileId, fileName } = JSON.parse(lines[0] ?? '');
    expect(fileName).toBe(longest);
    expect(await signpost(['get', fileId])).toMatchObject({ code: 0 });
    expect(await readFile(join(dir, longest), 'utf8')).toBe('text');
  });

  it('list held files, and judge them', async () => {
    await writeFile(join(dir, 'letter.txt'), 'dear');
    const upload = ['upload', 'letter.txt', '--document', 'letter', '--json'];
    const [{ fileId: first }, { fileId: second }] = [
      JSON.parse((await signpost(upload)).output),
      JSON.parse((await signpost(upload)).output),
    ];
    const { lines } = await signpost(['held', 'list', '--owner', 'alice'], judge);
    expect(lines.map((line) => line.split('\t').slice(0, 2))).toEqual([
      ['alice', first],
      ['alice', second],
    ]);
    expect(await signpost(['held', 'clean', 'alice', first, '--by', 'me'], judge)).toMatchObject({ code: 0 });
    const idsWith = async (status: string) =>
      (await signpost(['ls', '--status', status])).lines.map((line) => line.split('\t')[0]);
    expect(await idsWith('held')).toEqual([second]);
    expect(await signpost(['ls', '--status', 'heldd'])).toMatchObject({ code: 64 });
    const reject = ['held', 'reject', 'alice', second];
    expect(await signpost(reject, judge)).toMatchObject({ code: 64 });
    expect(await signpost([...reject, '--reason', 'a virus'], judge)).toMatchObject({ code: 0 });
    expect(await idsWith('rejected')).toEqual([second]);
    expect((await signpost(['held', 'list', '--json'], judge)).output).toBe('');
    expect(await signpost(['held', 'list'])).toMatchObject({ code: 2 });
    expect((await signpost(['get', second, '-o', 'second.txt'])).output).toContain('a virus');
  });

  it('judge files of an owner outside ASCII', async () => {
    const owner = 'zoé字';
    const made = run('node', [BIN, 'token', owner], settings(), dir);
    await made.ended;
    const upload = ['upload', 'letter.txt', '--document', 'letter', '--json'];
    await writeFile(join(dir, 'letter.txt'), 'dear');
    const { fileId } = JSON.parse((await signpost(upload, { TOKEN: made.output().trim() })).output);
    expect(await signpost(['held', 'clean', owner, fileId], judge)).toMatchObject({ code: 0 });
  });

  it('distinguish a refusal from a service that does not answer', async () => {
    await writeFile(join(dir, 'program.png'), Buffer.from('7f454c4602010100', 'hex'));
    expect(await signpost(['upload', 'program.png'])).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^program\.png: .* \(verification-failed\)$/m),
    });
    expect(await signpost(['upload', 'program.png', '--document', 'note'])).toMatchObject({
      code: 1,
      lines: ['program.png: the file has 8 bytes; at most 7 are allowed for document type note (file-too-large)'],
    });
    const several = await signpost(['upload', 'program.png', 'case'], { TOKEN: 'not-a-token' });
    expect(several).toMatchObject({ code: 2, output: expect.stringContaining('(unauthenticated)') });
    // As with a script's unset variable.
    for (const args of [
      ['ls', '--record', ''],
      ['held', 'list', '--owner', ''],
      ['rm', ''],
      ['upload', 'case', '--meta', ''],
    ]) {
      expect(await signpost(args), args.join(' ')).toMatchObject({
        code: 64,
        output: expect.stringContaining(' is empty'),
      });
    }
    expect(await signpost(['ls'], { TOKEN: '' })).toMatchObject({ code: 64 });
    expect(await signpost(['ls'], { SIGNPOST: 'files.example.com' })).toMatchObject({ code: 64 });
    const named = ['nowhere', '/dev/null', join('case', 'a.txt')];
    expect(await signpost(['upload', ...named])).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^nowhere: cannot be read: ENOENT.*\n.*neither a file nor a folder\n.*a\.txt$/m),
    });
    expect(await signpost(['upload', ...named], { SIGNPOST: `${env.SIGNPOST}/wrong` })).toMatchObject({ code: 2 });
    expect(await signpost(['get', 'x'])).toMatchObject({
      code: 1,
      lines: ['x: you have no such file (file-not-found)'],
    });
    expect(await signpost(['get', 'x'], { TOKEN: 'not-a-token' })).toMatchObject({ code: 2 });
    const help = await signpost(['help', 'upload']);
    expect(help).toEqual(await signpost(['upload', '--help']));
    expect(await signpost(['uplaod', 'case'])).toMatchObject({ code: 64, output: expect.stringContaining('"uplaod"') });
  });
});
