import { writeSync } from 'node:fs';

/** Total time to wait for a slow reader, if the write itself does not wait. */
const WAIT_MS = 100;
const PAUSE_MS = 10;

/**
 * Characters that a terminal or an editor takes for an instruction or a line end: C1 controls, line and paragraph
 * separators, direction marks, the byte order mark. JSON escapes C0 controls by itself.
 */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/**
 * Writes log lines to a file descriptor at once. Never throws: on a full disk or a closed pipe, lines are dropped, and
 * the next line that can be written is preceded by one that counts them.
 */
export function openLogDestination(fd: number): { write(line: string): void } {
  let lost = 0;
  let isMidLine = false;

  function writeAll(bytes: Buffer): void {
    // If the previous line was lost too, this one does not wait.
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
  return JSON.stringify({ level: 'warn', time, lost, msg: 'log lines could not be written and are lost' });
}

function toEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
