import pino from 'pino';
import type { Config } from './config.ts';

/**
 * One JSON line an event on standard output, written at once; readable lines instead where that is a terminal.
 */
export async function createLogger(level: Config['logLevel'], isTerminal: boolean): Promise<pino.Logger> {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
  };
  if (!isTerminal) return pino(options);
  const { default: pretty } = await import('pino-pretty');
  return pino(options, pretty({ colorize: true, translateTime: 'SYS:HH:MM:ss', singleLine: true }));
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
