import pino from 'pino';
import type { Server } from '../config/slices.ts';
import { openLogDestination } from './log-destination.ts';
import { serializeError } from './serialize-error.ts';

/** A C0 control in JSON, except tabs and line breaks in stacks, which have shorter escapes. */
const ESCAPED_CONTROL = /(?<!\\)((?:\\\\)*)(\\u00[01][0-9a-f])/g;

/**
 * Writes one JSON line per event at once, or readable lines to a terminal. Lines that cannot be written are dropped and
 * stop nothing.
 * @param fd the file descriptor, standard output by default.
 */
export async function createLogger(level: Server['logLevel'], isTerminal: boolean, fd = 1): Promise<pino.Logger> {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
  };
  const destination = openLogDestination(fd);
  if (!isTerminal) return pino(options, destination);
  // Of a CommonJS package, the bundle has the default export only.
  const { default: pretty } = await import('pino-pretty');
  const format = pretty.prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss', singleLine: true });
  // An escaped control would become a control again when it is read back.
  const write = (line: string) => destination.write(format(line.replace(ESCAPED_CONTROL, '$1\\$2')));
  return pino(options, { write });
}
