import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { streamContent } from '../../src/files/stream-content.ts';

const BYTES = Buffer.from('0123456789');
const LIMITS = { stallMs: 200, pauseMs: 5_000, patienceMs: 5_000, leastBytesPerSecond: 1 };

/** Reads `BYTES` from sources that each give some bytes, then end, break or stall. */
function read(sources: readonly ((from: number) => Readable)[], limits: Partial<typeof LIMITS> = {}) {
  const asked: number[] = [0];
  const opened: Readable[] = [];
  const ends: unknown[] = [];
  const open = (from: number) => {
    const source = sources[opened.length];
    if (source === undefined) throw new Error('asked too often');
    const readable = source(from);
    opened.push(readable);
    return readable;
  };
  const stream = streamContent(
    open(0),
    { start: 0, end: 9 },
    async ({ start }) => {
      asked.push(start);
      return open(start);
    },
    (_sentBytes, error) => ends.push(error),
    { ...LIMITS, ...limits },
  );
  return { stream, asked, opened, ends };
}

const whole = (from: number) => Readable.from([BYTES.subarray(from)]);
const some = (count: number) => (from: number) => Readable.from([BYTES.subarray(from, from + count)]);
const none = () => Readable.from([]);
const silent = () => new PassThrough();
const broken = (count: number) => (from: number) =>
  Readable.from(
    (async function* () {
      yield BYTES.subarray(from, from + count);
      throw new Error('ECONNRESET');
    })(),
  );

describe('streamContent', () => {
  it.each([
    ['ends early', some(4), [0, 4]],
    ['breaks', broken(7), [0, 7]],
    ['stalls', silent, [0, 0]],
  ])('asks for the rest of a source that %s', async (_, first, asked) => {
    const reading = read([first, whole]);
    expect(await text(reading.stream)).toBe('0123456789');
    expect(reading.asked).toEqual(asked);
    expect(reading.ends).toEqual([undefined]);
    expect(reading.opened.every(({ destroyed }) => destroyed)).toBe(true);
  });

  it('fails at once when a source has too few bytes, or too many', async () => {
    const reading = read([some(4), none]);
    await expect(text(reading.stream)).rejects.toThrow('fewer bytes');
    expect(reading.ends).toHaveLength(1);
    const more = read([() => Readable.from([Buffer.from('0123456789abc')])]);
    await expect(text(more.stream)).rejects.toThrow('more bytes');
  });

  it('closes the source while the reader pauses, and continues where it stopped', async () => {
    const reading = read([() => Readable.from([BYTES.subarray(0, 3), BYTES.subarray(3)]), whole], { pauseMs: 20 });
    const reader = reading.stream.getReader();
    expect(await reader.read()).toMatchObject({ value: BYTES.subarray(0, 3) });
    await expect.poll(() => reading.opened[0]?.destroyed).toBe(true);
    expect(await reader.read()).toMatchObject({ value: BYTES.subarray(3) });
    expect(await reader.read()).toMatchObject({ done: true });
    expect(reading.asked).toEqual([0, 3]);
  });

  it('ends a reader that takes nothing for too long, or is too slow', async () => {
    const idle = read([whole], { patienceMs: 20 });
    await expect.poll(() => idle.ends).toHaveLength(1);
    await expect(text(idle.stream)).rejects.toThrow('too slow');

    const oneByOne = () => Readable.from([...BYTES].map((byte) => Buffer.from([byte])));
    const slow = read([oneByOne], { patienceMs: 300, leastBytesPerSecond: 1_000 });
    const reader = slow.stream.getReader();
    const trickle = async () => {
      for (;;) {
        if ((await reader.read()).done) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await expect(trickle()).rejects.toThrow('too slow');
  });

  it('closes the source when the reader cancels, also before it has read', async () => {
    const reading = read([silent]);
    await reading.stream.cancel();
    expect(reading.ends).toEqual([undefined]);
    expect(reading.opened[0]?.destroyed).toBe(true);
    const begun = read([silent]);
    const reader = begun.stream.getReader();
    const waiting = reader.read();
    await reader.cancel();
    expect(await waiting).toMatchObject({ done: true });
    expect(begun.ends).toEqual([undefined]);
  });

  it('closes a source that is opened again after the reader has left', async () => {
    let answer: ((source: Readable) => void) | undefined;
    const again = () =>
      new Promise<Readable>((resolve) => {
        answer = resolve;
      });
    const stream = streamContent(silent(), { start: 0, end: 9 }, again, () => {}, { ...LIMITS, stallMs: 1 });
    const reader = stream.getReader();
    const waiting = reader.read();
    await expect.poll(() => answer).toBeDefined();
    await reader.cancel();
    const late = silent();
    late.write('0123');
    answer?.(late);
    await waiting;
    await expect.poll(() => late.destroyed).toBe(true);
  });
});
