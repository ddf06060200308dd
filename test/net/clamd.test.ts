import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseClamdUrl, ScanFailed, scanWithClamd } from '../../src/net/clamd.ts';
import { answering, type Received, startFakeClamd } from '../helpers/fake-clamd.ts';

const NEVER = new AbortController().signal;

async function scan(
  react: Parameters<typeof startFakeClamd>[0],
  chunks: (string | Buffer)[] = ['hello'],
  sizeBytes = Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))).length,
) {
  const clamd = await startFakeClamd(react);
  const stream = Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );
  try {
    return await scanWithClamd(clamd.address, { stream, sizeBytes }, NEVER);
  } finally {
    expect(stream.destroyed).toBe(true);
    await clamd.close();
  }
}

describe('scanWithClamd', () => {
  it('sends the whole stream, and takes only its two answers as verdicts', async () => {
    let received: Received | undefined;
    const big = Buffer.alloc(3_000_000, 'x');
    const result = await scan(
      (socket, all) => {
        received = all;
        answering('stream: OK\0')(socket, all);
      },
      [big, Buffer.alloc(0), 'end'],
    );
    expect(result).toBeNull();
    expect(received?.bytes.equals(Buffer.concat([big, Buffer.from('end')]))).toBe(true);
    expect(await scan(answering('stream: Win.Test.EICAR_HDB-1 FOUND\0'))).toBe('Win.Test.EICAR_HDB-1');
    expect(await scan(answering('stream: OK\0'), [])).toBeNull();
  });

  it('puts an answer together that comes in pieces', async () => {
    const inPieces = (socket: Parameters<ReturnType<typeof answering>>[0], { isWhole }: Received) => {
      if (!isWhole) return;
      socket.write('stream: O');
      setImmediate(() => socket.end('K\0'));
    };
    expect(await scan(inPieces)).toBeNull();
  });

  it.each([
    ['the size limit', 'INSTREAM size limit exceeded. ERROR\0'],
    ['a limit inside the file', 'stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0'],
    ['a cut answer', 'stream: OK'],
    ['two answers', 'stream: OK\0stream: Virus FOUND\0'],
    ['another name', 'file: OK\0'],
    ['a line break in place of the NUL', 'stream: OK\n'],
    ['more after OK', 'stream: OK (not really)\0'],
    ['more before OK', 'stream: Virus FOUND stream: OK\0'],
    ['a name with control characters', 'stream: a\nb FOUND\0'],
    ['no name', 'stream:  FOUND\0'],
    ['an unknown command', 'UNKNOWN COMMAND\0'],
    ['HTTP', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['nothing', ''],
    ['an answer without an end', 'stream: '.repeat(10_000)],
  ])('fails for %s', async (_name, answer) => {
    await expect(scan(answering(answer))).rejects.toBeInstanceOf(ScanFailed);
  });

  it('accepts no answer before the end of the stream', async () => {
    let isAnswered = false;
    const early = (socket: Parameters<ReturnType<typeof answering>>[0]) => {
      if (!isAnswered) socket.write('stream: OK\0');
      isAnswered = true;
    };
    const chunks = Array.from({ length: 400 }, () => Buffer.alloc(65_536));
    await expect(scan(early, chunks)).rejects.toBeInstanceOf(ScanFailed);
  });

  it('fails if the scanner hangs up in the middle of the stream', async () => {
    const chunks = Array.from({ length: 400 }, () => Buffer.alloc(65_536));
    const hangUp = (socket: Parameters<ReturnType<typeof answering>>[0]) => socket.resetAndDestroy();
    await expect(scan(hangUp, chunks)).rejects.toBeInstanceOf(ScanFailed);
  });

  it.each([4, 6])('does not end the stream for 5 bytes instead of %i', async (sizeBytes) => {
    let isWhole = false;
    const result = scan(
      (_socket, all) => {
        isWhole ||= all.isWhole;
      },
      ['hello'],
      sizeBytes,
    );
    await expect(result).rejects.toThrow('another size');
    expect(isWhole).toBe(false);
  });

  it('reports that the scanner cannot be reached, by TCP or by a socket', async () => {
    const clamd = await startFakeClamd(() => {});
    await clamd.close();
    for (const address of [clamd.address, { path: '/nowhere/clamd.ctl' }]) {
      const result = scanWithClamd(address, { stream: Readable.from(['hello']), sizeBytes: 5 }, NEVER);
      await expect(result).rejects.toMatchObject({ name: 'ScanFailed', isAway: true });
    }
  });

  it('throws the stream’s own error, and stops with its signal', async () => {
    const clamd = await startFakeClamd(() => {});
    const broken = new Readable({ read: () => broken.destroy(new Error('the bucket went away')) });
    await expect(scanWithClamd(clamd.address, { stream: broken, sizeBytes: 5 }, NEVER)).rejects.toThrow('went away');
    const stopping = new AbortController();
    const endless = new Readable({ read: () => {} });
    const stopped = scanWithClamd(clamd.address, { stream: endless, sizeBytes: 5 }, stopping.signal);
    stopping.abort(new Error('stop'));
    await expect(stopped).rejects.toThrow('stop');
    expect(endless.destroyed).toBe(true);
    await clamd.close();
  });

  it('leaves nothing on a signal that outlives it', async () => {
    await scan(answering('stream: OK\0'));
    await expect.poll(() => getEventListeners(NEVER, 'abort')).toEqual([]);
  });
});

describe('parseClamdUrl', () => {
  it.each([
    ['clamd://127.0.0.1:3311', { host: '127.0.0.1', port: 3311 }],
    ['clamd://clamav', { host: 'clamav', port: 3310 }],
    ['clamd://[::1]:1', { host: '::1', port: 1 }],
    ['clamd:///run/clamav/clamd.ctl', { path: '/run/clamav/clamd.ctl' }],
    ['clamd://host/path', null],
    ['clamd://user@host', null],
    ['clamd:///', null],
    ['clamd:///run/100%.ctl', null],
    ['clamd:', null],
    ['tcp://host:3310', null],
    ['host:3310', null],
    ['', null],
  ])('reads %j', (text, expected) => {
    expect(parseClamdUrl(text)).toEqual(expected);
  });
});
