import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** What a variable's name ends in that holds the path of a file. */
export const FILE_SUFFIX = '_FILE';

/** One thing wrong with a setting. The message names no value. */
export type SettingError = { name: string; message: string };

/**
 * The settings that the environment has, by name; an empty variable counts as unset. In place of any `NAME` it may have
 * `NAME_FILE`, the path of a file with the value, as Docker and Kubernetes hand out secrets; line breaks at its end are
 * no part of the value.
 */
export function readSettingFiles(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): { present: Record<string, string>; errors: SettingError[] } {
  const present: Record<string, string> = {};
  const errors: SettingError[] = [];
  for (const name of names) {
    const value = env[name];
    const path = env[name + FILE_SUFFIX];
    if (value) present[name] = value;
    if (!path) continue;
    if (value) {
      errors.push({ name, message: `is set, and ${name}${FILE_SUFFIX} too: set one of them` });
      continue;
    }
    try {
      const bytes = readFileSync(path);
      // Each byte that is no UTF-8 would be read as the same character: a secret of random bytes that anybody can
      // guess.
      if (!isUtf8(bytes)) errors.push({ name, message: `the file of ${name}${FILE_SUFFIX} is not text in UTF-8` });
      // Unlike toString it leaves out a byte order mark.
      present[name] = new TextDecoder().decode(bytes).replace(/[\r\n]+$/, '');
      if (present[name] === '') errors.push({ name, message: `the file of ${name}${FILE_SUFFIX} is empty` });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : error;
      errors.push({ name, message: `the file of ${name}${FILE_SUFFIX} cannot be read (${code})` });
    }
  }
  return { present, errors };
}
