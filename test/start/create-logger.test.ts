import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/start/create-logger.ts';
import { serializeError } from '../../src/start/serialize-error.ts';

describe('serializeError', () => {
  it('keeps message, code and cause, and drops other properties of errors', () => {
    const cause = Object.assign(new Error('refused'), {
      code: 'ECONNREFUSED',
      StringToSign: 'secret',
      params: ['row'],
    });
    const logged = JSON.stringify(serializeError(new Error('outer', { cause })));
    expect(JSON.parse(logged)).toMatchObject({ message: 'outer', cause: { message: 'refused', code: 'ECONNREFUSED' } });
    expect(logged).not.toMatch(/secret|row/);
  });
});

describe('createLogger', () => {
  const folder = mkdtempSync(join(tmpdir(), 'signpost-log-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const CONTROLS = '\u001b[31m \u009b31m \u202e \u2028 \u2066 \u0085 \u007f';

  it.each([
    ['JSON', false],
    ['readable lines', true],
  ] as const)('escapes control characters in every field of %s', async (_, isTerminal) => {
    const path = join(folder, String(isTerminal));
    const fd = openSync(path, 'w');
    const logger = await createLogger('info', isTerminal, fd);
    logger.info({ userId: CONTROLS, err: new Error(CONTROLS) }, CONTROLS);
    closeSync(fd);
    const text = readFileSync(path, 'utf8');
    const isUnsafe = (code: number) =>
      (code < 0x20 && code !== 0x0a && code !== 0x09) ||
      (code >= 0x7f && code <= 0x9f) ||
      [0x2028, 0x202e, 0x2066].includes(code);
    // Except our own for colours.
    const own = text.replaceAll('\u001b[31m', '').split('\u001b');
    expect(
      own
        .join('')
        .split('')
        .filter((character) => isUnsafe(character.charCodeAt(0))),
    ).toEqual([]);
    expect(own.slice(1).filter((after) => !/^\[\d*m/.test(after))).toEqual([]);
    expect(text).not.toContain('\u001b[31m ');
    if (!isTerminal) expect(JSON.parse(text)).toMatchObject({ level: 'info', userId: CONTROLS, msg: CONTROLS });
    if (!isTerminal) expect(text.trimEnd()).not.toContain('\n');
  });

  it('loses only the lines that cannot be written to a full disk', async () => {
    const fd = openSync('/dev/full', 'w');
    for (const isTerminal of [false, true]) {
      const logger = await createLogger('info', isTerminal, fd);
      for (let line = 0; line < 3; line++) logger.info({}, 'lost');
    }
    closeSync(fd);
  });

  it('logs the number of lost lines once it can write again, in whole lines', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const logger = await createLogger('info', false, fd);
    const filler = 'x'.repeat(10_000);
    let read = '';
    const drain = () => {
      const buffer = Buffer.alloc(1024 * 1024);
      try {
        for (;;) read += buffer.toString('utf8', 0, readSync(fd, buffer));
      } catch {
        // The pipe is empty.
      }
    };
    for (let n = 0; n < 20; n++) logger.info({ n, filler }, 'filling');
    drain();
    const written = read.split('\n').filter((line) => line.includes('filling') && line.endsWith('}')).length;
    logger.info({}, 'there is room');
    drain();
    closeSync(fd);
    const lines = read.trimEnd().split('\n').slice(-2);
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', lost: 20 - written },
      { level: 'info', msg: 'there is room' },
    ]);
  });
});
