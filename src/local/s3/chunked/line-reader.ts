import { S3Error } from '../s3-error.ts';

/** The maximum length of a chunk's head and of a trailing header. */
const MAX_LINE_BYTES = 1024;

/**
 * Reads lines and counted bytes from a body. All functions throw IncompleteBody if the body ends too early or too late.
 */
export function createLineReader(body: AsyncIterable<Buffer>) {
  const source = body[Symbol.asyncIterator]();
  let buffer: Buffer = Buffer.alloc(0);

  async function readMore(): Promise<boolean> {
    const { value, done } = await source.next();
    if (done) return false;
    buffer = buffer.length === 0 ? value : Buffer.concat([buffer, value]);
    return true;
  }

  /** The text up to the next CRLF, as latin1; skips the CRLF. */
  async function readLine(): Promise<string> {
    for (;;) {
      const end = buffer.indexOf('\r\n');
      if ((end === -1 ? buffer.length : end) > MAX_LINE_BYTES) throw new S3Error('IncompleteBody');
      if (end !== -1) {
        const line = buffer.toString('latin1', 0, end);
        buffer = buffer.subarray(end + 2);
        return line;
      }
      if (!(await readMore())) throw new S3Error('IncompleteBody');
    }
  }

  async function* readBytes(count: number): AsyncIterable<Buffer> {
    for (let left = count; left > 0; ) {
      if (buffer.length === 0 && !(await readMore())) throw new S3Error('IncompleteBody');
      const bytes = buffer.subarray(0, left);
      buffer = buffer.subarray(bytes.length);
      left -= bytes.length;
      if (bytes.length > 0) yield bytes;
    }
  }

  async function requireEnd(): Promise<void> {
    if (buffer.length > 0 || (await readMore())) throw new S3Error('IncompleteBody');
  }

  return { readLine, readBytes, requireEnd };
}
