import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';

/** The suffix of a variable that holds the path of a file. */
export const FILE_SUFFIX = '_FILE';

/** One problem with a setting. The message contains no value. */
export type SettingError = { name: string; message: string };

/**
 * The environment's settings by name; an empty variable counts as unset. Instead of any `NAME`, `NAME_FILE` may hold
 * the path of a file with the value, as Docker and Kubernetes provide secrets; trailing line breaks are removed.
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
      errors.push({ name, message: `is set, and so is ${name}${FILE_SUFFIX}: set only one of them` });
      continue;
    }
    try {
      const bytes = readFileSync(path);
      // Invalid UTF-8 bytes would all become the same character, which makes a secret of random bytes guessable.
      if (!isUtf8(bytes)) errors.push({ name, message: `the file of ${name}${FILE_SUFFIX} is not text in UTF-8` });
      // Unlike toString, this removes a byte order mark.
      present[name] = new TextDecoder().decode(bytes).replace(/[\r\n]+$/, '');
      if (present[name] === '') errors.push({ name, message: `the file of ${name}${FILE_SUFFIX} is empty` });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : error;
      errors.push({ name, message: `the file of ${name}${FILE_SUFFIX} cannot be read (${code})` });
    }
  }
  return { present, errors };
}
