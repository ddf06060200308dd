import { isUtf8 } from 'node:buffer';
import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError } from '../config/config-error.ts';

/**
 * The variables of a file such as `.env`; none if there is no such file. Node's own `loadEnvFile` reads UTF-16, which
 * old PowerShell writes, as an empty file, and takes a byte order mark for a part of the first name.
 * @throws {ConfigError} if the file cannot be read, or is not text in UTF-8.
 */
export function readEnvFile(path: string): NodeJS.Dict<string> {
  if (!existsSync(path)) return {};
  const bytes = readBytes(path);
  if (!isUtf8(bytes) || bytes.includes(0)) throw new ConfigError(`${path} is not text in UTF-8`);
  // Unlike toString, this removes a byte order mark.
  return parseEnv(new TextDecoder().decode(bytes));
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigError(`${path} cannot be read (${error instanceof Error && 'code' in error ? error.code : error})`);
  }
}
