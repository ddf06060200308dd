import { writeSync } from 'node:fs';

/** How long a line waits in all for a reader that is slow, where writing to it does not wait by itself. */
const WAIT_MS = 100;
const PAUSE_MS = 10;

/**
 * What a terminal or an editor takes for an instruction, or for an end of the line: C1 controls, line and paragraph
 * separators, marks of the direction of writing, the byte order mark. JSON escapes C0 controls by itself.
 */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Where the log's lines go: each at once, to a file descriptor. It never throws: what cannot be written, on a full disk
 * or to a reader that went away, is dropped, and the next line that can be is preceded by one that says how many were.
 */
export function openLogDestination(fd: number): { write(line: string): void } {
  let lost = 0;
  let isMidLine = false;

  function writeAll(bytes: Buffer): void {
    // Where the last line got lost as well, this one does not wait: the service goes on.
    const waitUntil = lost === 0 ? performance.now() + WAIT_MS : 0;
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(fd, bytes, at);
        isMidLine = at < bytes.length;
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN' || performance.now() > waitUntil) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
      }
    }
  }

  return {
    write(line) {
      try {
        const before = `${isMidLine ? '\n' : ''}${lost === 0 ? '' : `${lossLine(lost)}\n`}`;
        writeAll(Buffer.from(before + line.replace(UNSAFE, toEscape)));
        lost = 0;
      } catch {
        lost++;
      }
    },
  };
}

function lossLine(lost: number): string {
  const time = new Date().toISOString();
  return JSON.stringify({ level: 'warn', time, lost, msg: 'lines of the log could not be written, and are lost' });
}

function toEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
