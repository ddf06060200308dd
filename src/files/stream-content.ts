import type { Readable } from 'node:stream';
import { inTime } from '../net/in-time.ts';
import type { ByteRange } from '../storage/read-object.ts';

/** Time limits. The reader is the client; the source is the bucket. */
type ContentLimits = {
  /** How long the reader waits for a byte of the source. */
  stallMs: number;
  /** If the reader takes nothing for this long, the source is closed; it is opened again when the reader continues. */
  pauseMs: number;
  /** How long the reader may take nothing, and how far it may fall behind the minimum rate. */
  patienceMs: number;
  /** The minimum average rate of the reader. */
  leastBytesPerSecond: number;
};

/** A paused video or a phone in a tunnel can continue. A reader that takes a byte now and then is ended. */
const LIMITS: ContentLimits = { stallMs: 10_000, pauseMs: 20_000, patienceMs: 900_000, leastBytesPerSecond: 4096 };

/**
 * Streams a range to a reader, which takes bytes as fast as it can. One of two clocks runs at a time: the source's
 * while the reader waits, the reader's while it takes nothing. A source that breaks, stalls or ends early is opened
 * again for the rest, once at each position.
 * @param first the source of the whole range.
 * @param onEnd called once, after success or failure; the source is closed then.
 * @returns a stream that fails if the bytes cannot be read or the reader is too slow.
 */
export function streamContent(
  first: Readable,
  range: ByteRange,
  open: (rest: ByteRange) => Promise<Readable>,
  onEnd: (sentBytes: number, error?: unknown) => void,
  { stallMs, pauseMs, patienceMs, leastBytesPerSecond }: ContentLimits = LIMITS,
): ReadableStream<Uint8Array> {
  const startedAt = performance.now();
  let source: Readable | null = first;
  let chunks: AsyncIterator<Uint8Array> = first.iterator();
  let at = range.start;
  /** Where the source was last opened again after a fault. */
  let reopenedAt = -1;
  let hasEnded = false;
  let pause: NodeJS.Timeout | undefined;
  let patience: NodeJS.Timeout | undefined;

  function closeSource(): void {
    source?.destroy();
    source = null;
  }

  function end(error?: unknown): void {
    clearTimeout(pause);
    clearTimeout(patience);
    closeSource();
    if (!hasEnded) onEnd(at - range.start, error);
    hasEnded = true;
  }

  async function next(): Promise<Uint8Array> {
    for (;;) {
      let fault: unknown = new Error('the bucket sent fewer bytes than the file has');
      if (source === null) {
        source = await open({ start: at, end: range.end });
        if (hasEnded) {
          // The reader left meanwhile: close the source here.
          closeSource();
          throw fault;
        }
        chunks = source.iterator();
      }
      try {
        const { done, value } = await inTime(chunks.next(), stallMs);
        if (!done) return value;
      } catch (error) {
        fault = error;
      }
      closeSource();
      if (hasEnded || reopenedAt === at) throw fault;
      reopenedAt = at;
    }
  }

  function waitForReader(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if (at > range.end) {
      end();
      controller.close();
      return;
    }
    pause = setTimeout(closeSource, pauseMs).unref();
    const dueMs = ((at - range.start) / leastBytesPerSecond) * 1000;
    const behindMs = Math.max(0, performance.now() - startedAt - dueMs);
    patience = setTimeout(() => {
      end();
      controller.error(new Error('the reader is too slow'));
    }, patienceMs - behindMs).unref();
  }

  return new ReadableStream(
    {
      start: waitForReader,
      async pull(controller) {
        clearTimeout(pause);
        clearTimeout(patience);
        try {
          const chunk = await next();
          at += chunk.length;
          if (at > range.end + 1) throw new Error('the bucket sent more bytes than the file has');
          if (hasEnded) return;
          controller.enqueue(chunk);
        } catch (error) {
          if (hasEnded) return;
          end(error);
          controller.error(error);
          return;
        }
        waitForReader(controller);
      },
      cancel: () => end(),
    },
    { highWaterMark: 0 },
  );
}
