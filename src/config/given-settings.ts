import type { CallerLimits } from './caller-limits.ts';
import { SETTING_NAMES } from './config.ts';
import { ConfigError } from './config-error.ts';
import { misspeltSettings } from './misspelt-settings.ts';
import { readSettingFiles } from './setting-files.ts';
import type { Settings } from './settings.ts';

/** A setting's value in code: its text as in the environment, or what the text means. */
type Value<Parsed> = string | Extract<Parsed, number | boolean | readonly string[]>;

const none = <Of>(): { [Name in keyof Of]?: Of[Name] } => ({});

/** A constant, since the compiler writes out its type: that of an alias leads to zod's, which apps do not have. */
const given =
  none<{
    [Name in Exclude<keyof Settings, 'UPLOAD_POLICIES'>]: Value<Settings[Name]> | undefined;
  }>();

/**
 * Settings in code, by the names of `docs/settings.md`: `{ S3_BUCKET_NAME: 'uploads', MAX_UPLOAD_BYTES: 10_000_000,
 * ALLOWED_CONTENT_TYPES: ['image/*'] }`. undefined: not set.
 */
export type GivenSettings = typeof given & {
  /** By document type. */
  UPLOAD_POLICIES?: string | Readonly<Record<string, UploadPolicy>> | undefined;
};

type UploadPolicy = Pick<CallerLimits, 'maxBytes' | 'contentTypes'>;

/**
 * The service's settings in an environment (of a process, of a Worker), as texts. Other variables are left out, and
 * `NAME_FILE` is read.
 * @throws {ConfigError} if a file cannot be read.
 */
export function settingsFrom(env: Readonly<Record<string, string | undefined>>): GivenSettings {
  const { present, errors } = readSettingFiles(env, SETTING_NAMES);
  if (errors.length > 0) throw new ConfigError(errors.map(({ name, message }) => `${name}: ${message}`).join('\n'));
  return present;
}

/**
 * The settings as an environment has them.
 * @throws {ConfigError} naming each that is not a setting.
 */
export function toEnvironment(given: GivenSettings): Record<string, string> {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const unknown = set.map(([name]) => name).filter((name) => !SETTING_NAMES.includes(name));
  if (unknown.length > 0) {
    const hints = misspeltSettings(Object.fromEntries(unknown.map((name) => [name, 'set'])), SETTING_NAMES);
    const hintOf = (name: string) => hints.find((hint) => hint.startsWith(`${name} `));
    throw new ConfigError(unknown.map((name) => hintOf(name) ?? `${name} is not a setting`).join('\n'));
  }
  const wrong = set.filter(([, value]) => !isText(value)).map(([name]) => name);
  if (wrong.length > 0) throw new ConfigError(wrong.map((name) => `${name}: ${NOT_A_VALUE}`).join('\n'));
  return Object.fromEntries(set.map(([name, value]) => [name, toText(value)]));
}

const NOT_A_VALUE = 'must not be null, an empty list or a list with a comma in an item; leave it out, or give its text';

/** Whether the text says the same: an empty list would be one that is not set, a comma would be two items. */
function isText(value: unknown): boolean {
  if (!Array.isArray(value)) return value !== null;
  return value.length > 0 && value.every((item) => item !== null && !String(item).includes(','));
}

function toText(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
