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

/**
 * Name, message, code, stack and cause, and nothing else: what drivers and SDKs hang on their errors besides may hold
 * a signature (S3's SignatureDoesNotMatch repeats it) or a row.
 */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const code = 'code' in error ? error.code : undefined;
  return { name, message, code, stack, ...(cause !== undefined && { cause: serializeError(cause) }) };
}
