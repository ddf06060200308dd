import type { Logger } from '../contract/logger.ts';
import { serializeError } from './serialize-error.ts';

/** Warnings and errors on the console; nothing else. */
export const consoleLogger: Logger = {
  error: (fields, message) => console.error(message, withoutSecrets(fields)),
  warn: (fields, message) => console.warn(message, withoutSecrets(fields)),
  info: () => {},
  debug: () => {},
};

function withoutSecrets({ err, ...fields }: Record<string, unknown>): Record<string, unknown> {
  return err === undefined ? fields : { ...fields, err: serializeError(err) };
}
