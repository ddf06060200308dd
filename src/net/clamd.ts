import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** Where clamd listens: a TCP port, or a socket in the file system. */
export type ClamdAddress = { host: string; port: number } | { path: string };

const DEFAULT_PORT = 3310;
const CONNECTED_WITHIN_MS = 10_000;
/** How long no byte may pass in either direction: longer than a scan (`MaxScanTime`, by default 2 minutes). */
const SILENT_MS = 300_000;
/** An answer is one line. */
const MAX_ANSWER_CHARS = 4096;

/** With `AlertExceedsMax`, clamd reports these as found: it has not scanned everything. */
const NOT_SCANNED = /^Heuristics\.Limits\.Exceeded/;

/** The scanner does not answer, or says that it could not scan, so the file is neither clean nor infected. */
export class ScanFailed extends Error {
  override name = 'ScanFailed';
  /** Whether it could not be reached at all, so that other scans would fail as well. */
  readonly isAway: boolean;

  constructor(message: string, options: { isAway?: boolean; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.isAway = options.isAway ?? false;
  }
}

/**
 * Reads `clamd://host`, `clamd://host:port` (default 3310) or `clamd:///path/of/the.socket`; null for anything else.
 */
export function parseClamdUrl(text: string): ClamdAddress | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'clamd:' || url.username + url.password + url.search + url.hash !== '') return null;
  if (url.host === '') return toSocket(url.pathname);
  if (url.pathname !== '' && url.pathname !== '/') return null;
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port === '' ? DEFAULT_PORT : Number(url.port) };
}

function toSocket(pathname: string): ClamdAddress | null {
  try {
    return pathname.length > 1 ? { path: decodeURIComponent(pathname) } : null;
  } catch {
    return null;
  }
}

/**
 * Scans a stream with clamd's command INSTREAM (manual page clamd(8)): chunks with their length in four bytes, an empty
 * chunk at the end, then one answer.
 * @param sizeBytes how many bytes the stream must have.
 * @returns the name of what was found; null if clamd read the whole stream and found nothing.
 * @throws {ScanFailed} for every other answer and for none: a limit that was exceeded, an answer that came before the
 * end, was cut off or is not known, no answer in 5 minutes; a stream of another size. The stream's own error if it
 * fails.
 */
export async function scanWithClamd(
  clamd: ClamdAddress,
  { stream, sizeBytes }: { stream: Readable; sizeBytes: number },
  signal: AbortSignal,
): Promise<string | null> {
  const socket = connect(clamd, signal);
  let streamError: unknown;
  stream.once('error', (error) => {
    streamError ??= error;
  });
  const answer = readAnswer(socket);
  let failure: unknown;
  // While the stream is slow, nothing else would notice that the scanner closed the connection.
  answer.catch((error: unknown) => {
    failure = error;
    stream.destroy();
  });
  try {
    await connected(socket);
    await send(socket, { stream, sizeBytes }, answer);
    return toResult(await answer);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (streamError !== undefined) throw streamError;
    const known = [error, failure].find((each) => each instanceof ScanFailed);
    throw known ?? new ScanFailed('the scanner gave no answer', { cause: failure ?? error });
  } finally {
    stream.destroy();
    socket.destroy();
  }
}

/**
 * Sends a command of one line (manual page clamd(8)).
 * @returns clamd's answer.
 * @throws {ScanFailed} without an answer.
 */
export async function askClamd(clamd: ClamdAddress, command: 'PING' | 'VERSION', signal: AbortSignal): Promise<string> {
  const socket = connect(clamd, signal);
  const answer = readAnswer(socket);
  // Awaited only after the connection.
  answer.catch(() => {});
  try {
    await connected(socket);
    socket.setTimeout(CONNECTED_WITHIN_MS);
    socket.write(`z${command}\0`);
    return await answer;
  } finally {
    socket.destroy();
  }
}

/**
 * A socket that the signal closes. Node's own option for that leaves a listener on the signal for each socket, and the
 * signal lasts as long as the service.
 */
function connect(clamd: ClamdAddress, signal: AbortSignal): Socket {
  const socket = createConnection(clamd);
  const stop = () => socket.destroy(signal.reason);
  signal.addEventListener('abort', stop);
  socket.once('close', () => signal.removeEventListener('abort', stop));
  if (signal.aborted) stop();
  return socket;
}

async function connected(socket: Socket): Promise<void> {
  socket.setTimeout(CONNECTED_WITHIN_MS, () => socket.destroy(new ScanFailed('the scanner was silent for too long')));
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw new ScanFailed('the scanner cannot be reached', { isAway: true, cause });
  }
  socket.setTimeout(SILENT_MS);
}

/** Sends the whole stream; fails if an answer comes before its end. */
async function send(
  socket: Socket,
  { stream, sizeBytes }: { stream: Readable; sizeBytes: number },
  answer: Promise<string>,
): Promise<void> {
  let leftBytes = sizeBytes;
  let early: string | undefined;
  const answered = answer.then((text) => {
    early = text;
  });
  // `scanWithClamd` handles the failure.
  answered.catch(() => {});
  const write = async (bytes: Uint8Array) => {
    if (early === undefined && !socket.write(bytes)) await Promise.race([once(socket, 'drain'), answered]);
    if (early !== undefined) throw new ScanFailed(`the scanner answered before the end: ${early}`);
  };
  await write(Buffer.from('zINSTREAM\0'));
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    leftBytes -= chunk.length;
    // An empty chunk would end the stream.
    if (chunk.length > 0) await write(Buffer.concat([lengthOf(chunk.length), chunk]));
  }
  if (leftBytes !== 0) throw new ScanFailed('the stream has another size than the file');
  await write(lengthOf(0));
}

function lengthOf(bytes: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes);
  return length;
}

/** The answer without the NUL at its end, which must be there. */
function readAnswer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      text += part;
      if (text.endsWith('\0')) resolve(text.slice(0, -1));
      else if (text.length > MAX_ANSWER_CHARS) socket.destroy(new ScanFailed('the answer of the scanner does not end'));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new ScanFailed('the scanner closed the connection without a whole answer')));
  });
}

function toResult(answer: string): string | null {
  if (answer === 'stream: OK') return null;
  const [, found] = /^stream: ([\x21-\x7e]{1,200}) FOUND$/.exec(answer) ?? [];
  if (found !== undefined && !NOT_SCANNED.test(found)) return found;
  throw new ScanFailed(`the scanner did not scan the file: ${answer.slice(0, 200)}`);
}
