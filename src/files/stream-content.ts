import type { Readable } from 'node:stream';
import { inTime } from '../net/in-time.ts';
import type { Stretch } from '../storage/read-object.ts';

/** How long what may take. A reader is somebody at the other end of a network, a source is the bucket. */
export type ContentLimits = {
  /** How long a reader who waits goes without a byte of the source. */
  stallMs: number;
  /** A source whose reader takes nothing for so long is let go of, and asked for the rest when the reader goes on. */
  pauseMs: number;
  /** The longest that a reader may take nothing, and how far it may fall behind the least rate. */
  patienceMs: number;
  /** The least rate of a reader, over all of its time. */
  leastBytesPerSecond: number;
};

/** A paused video and a phone in a tunnel go on; whoever reads a byte now and then does not hold its place for ever. */
const LIMITS: ContentLimits = { stallMs: 10_000, pauseMs: 20_000, patienceMs: 900_000, leastBytesPerSecond: 4096 };

/**
 * The bytes of a stretch for a reader who takes them as fast as it can. Two clocks, of which one runs at a time: the
 * source's while the reader waits, the reader's while it takes nothing. A source that breaks, stalls or ends early is
 * asked once more for what is left, and again after each time that it went on.
 * @param first what `open` gave for the whole stretch.
 * @param onEnd called once, however it ends; nothing of it is open then.
 * @returns a stream that fails when the bytes cannot be had, or the reader is too slow.
 */
export function streamContent(
  first: Readable,
  stretch: Stretch,
  open: (rest: Stretch) => Promise<Readable>,
  onEnd: (error?: unknown) => void,
  { stallMs, pauseMs, patienceMs, leastBytesPerSecond }: ContentLimits = LIMITS,
): ReadableStream<Uint8Array> {
  const startedAt = performance.now();
  let source: Readable | null = first;
  let chunks: AsyncIterator<Uint8Array> = first.iterator();
  let at = stretch.start;
  /** Where the source was last asked to go on after a fault. */
  let mendedAt = -1;
  let hasEnded = false;
  let pause: NodeJS.Timeout | undefined;
  let patience: NodeJS.Timeout | undefined;

  function letGo(): void {
    source?.destroy();
    source = null;
  }

  function end(error?: unknown): void {
    clearTimeout(pause);
    clearTimeout(patience);
    letGo();
    if (!hasEnded) onEnd(error);
    hasEnded = true;
  }

  async function next(): Promise<Uint8Array> {
    for (;;) {
      let fault: unknown = new Error('the bucket sent fewer bytes than the file has');
      if (source === null) {
        source = await open({ start: at, end: stretch.end });
        chunks = source.iterator();
      }
      try {
        const { done, value } = await inTime(chunks.next(), stallMs);
        if (!done) return value;
      } catch (error) {
        fault = error;
      }
      letGo();
      if (hasEnded || mendedAt === at) throw fault;
      mendedAt = at;
    }
  }

  function goOn(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (at > stretch.end) {
      end();
      controller.close();
      return;
    }
    pause = setTimeout(letGo, pauseMs).unref();
    const dueMs = ((at - stretch.start) / leastBytesPerSecond) * 1000;
    const behindMs = Math.max(0, performance.now() - startedAt - dueMs);
    patience = setTimeout(() => {
      end();
      controller.error(new Error('the reader is too slow'));
    }, patienceMs - behindMs).unref();
  }

  return new ReadableStream(
    {
      start: goOn,
      async pull(controller) {
        clearTimeout(pause);
        clearTimeout(patience);
        try {
          const chunk = await next();
          at += chunk.length;
          if (at > stretch.end + 1) throw new Error('the bucket sent more bytes than the file has');
          if (hasEnded) return;
          controller.enqueue(chunk);
        } catch (error) {
          if (hasEnded) return;
          end(error);
          controller.error(error);
          return;
        }
        goOn(controller);
      },
      cancel: () => end(),
    },
    { highWaterMark: 0 },
  );
}
