import { existsSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type Config, ConfigError, parseConfig, SETTING_NAMES } from '../config/config.ts';
import { misspeltSettings } from '../config/misspelt-settings.ts';

/**
 * What a command ends with. Findings and failures are told apart, so that an alarm on `found` does not ring because the
 * database was down.
 */
export const EXIT = {
  /** All is done, or everything holds. */
  holds: 0,
  /** It looked, and found what should not be. */
  found: 1,
  /** It could not look, or not do it: bad settings, a bucket or a database that does not answer. */
  failed: 2,
  /** Arguments it does not know (EX_USAGE of sysexits.h). */
  badUsage: 64,
} as const;

type Options = NonNullable<ParseArgsConfig['options']>;
type Arguments<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>;

export type Command<O extends Options> = {
  /** What `--help` prints, and what follows the reason when arguments are wrong. */
  usage: string;
  /** As `parseArgs` of `node:util` takes them; `--help` is added. */
  options?: O;
  /** Whether it takes arguments that are no options. Default: it does not. */
  allowPositionals?: boolean;
};

/** Thrown by a command that was given arguments it cannot use: the reason and its usage are printed, the code is 64. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * Runs the service on the settings of the environment and of `.env`, where that is present; what the environment has
 * wins. What it throws is told on standard error, and the process ends with 1.
 */
export async function run(program: (config: Config) => Promise<void>): Promise<void> {
  // On a full disk, or when nobody reads any more, what is printed is lost: no reason to end.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    await program(readConfig());
  } catch (error) {
    console.error(describeError(error));
    process.exit(1);
  }
}

/**
 * Runs a command: `--help` prints its usage, whatever the settings are; arguments it does not know end with 64; else
 * `program` runs on the settings, as `run` reads them, and the process ends with the code it returns, or with 2 when it
 * throws.
 */
export async function runCommand<O extends Options>(
  { usage, options, allowPositionals = false }: Command<O>,
  program: (config: Config, args: Arguments<O>) => Promise<number>,
): Promise<void> {
  // Node's own code for these is 1, which would be a finding.
  process.on('uncaughtException', (error) => {
    console.error(error);
    process.exit(EXIT.failed);
  });
  try {
    const args = readArguments({ ...options, help: { type: 'boolean', short: 'h' } }, allowPositionals);
    if ('help' in args.values && args.values.help === true) {
      console.log(usage);
      process.exit(EXIT.holds);
    }
    process.exit(await program(readConfig(), args as Arguments<O>));
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? `${error.message}\n\n${usage}` : describeError(error));
    process.exit(isUsage ? EXIT.badUsage : EXIT.failed);
  }
}

function readArguments(options: Options, allowPositionals: boolean) {
  try {
    return parseArgs({ options, allowPositionals });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function readConfig(): Config {
  if (existsSync('.env')) process.loadEnvFile('.env');
  // Before the errors: the name that is missing may be the one that is misspelt.
  for (const hint of misspeltSettings(process.env, SETTING_NAMES)) console.error(`warning: ${hint}`);
  return parseConfig(process.env);
}

function describeError(error: unknown): string {
  const heading = error instanceof ConfigError ? 'the settings do not fit:\n' : '';
  return `${heading}${reasons(error).join('\n  because: ')}`;
}

/** The messages of an error and its causes. */
function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  return [error.message, ...(error.cause === undefined ? [] : reasons(error.cause))];
}
