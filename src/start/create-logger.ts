import pino from 'pino';
import type { Config } from '../config/config.ts';
import { openLogDestination } from './log-destination.ts';

/** A C0 control in JSON, but for the tabs and line breaks of stacks, which have shorter names. */
const ESCAPED_CONTROL = /(?<!\\)((?:\\\\)*)(\\u00[01][0-9a-f])/g;

/**
 * One JSON line an event, written at once; readable lines instead where that is a terminal. What cannot be written is
 * lost, and stops nothing.
 * @param fd where the lines go, standard output by default.
 */
export async function createLogger(level: Config['logLevel'], isTerminal: boolean, fd = 1): Promise<pino.Logger> {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
  };
  const destination = openLogDestination(fd);
  if (!isTerminal) return pino(options, destination);
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss', singleLine: true });
  // Read back, an escaped control would be one again.
  const write = (line: string) => destination.write(format(line.replace(ESCAPED_CONTROL, '$1\\$2')));
  return pino(options, { write });
}

/** What Drizzle puts behind the query in its message: names, keys, metadata. */
const QUERY_PARAMETERS = /\nparams: [\s\S]*?(?=\n {4}at |$)/;

/**
 * Name, message, code, stack and cause, and nothing else: what drivers and SDKs hang on their errors besides may hold
 * a signature (S3's SignatureDoesNotMatch repeats it) or a row.
 */
export function serializeError(error: unknown): unknown {
  // A WebSocket's error event is no Error, and says something all the same.
  if (!(error instanceof Error)) {
    const event = typeof error === 'object' && error !== null ? error : {};
    if ('error' in event && event.error !== undefined) return serializeError(event.error);
    return { message: String('message' in event ? event.message : error) };
  }
  const { name, cause } = error;
  const [message, stack] = [error.message, error.stack ?? ''].map((text) => text.replace(QUERY_PARAMETERS, ''));
  const code = 'code' in error ? error.code : undefined;
  return { name, message, code, stack, ...(cause !== undefined && { cause: serializeError(cause) }) };
}
