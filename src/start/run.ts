import { existsSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type Config, ConfigError, parseConfig, SETTING_NAMES } from '../config/config.ts';
import { misspeltSettings } from '../config/misspelt-settings.ts';
import { reasonOf } from '../net/reason-of.ts';

/**
 * Exit codes of commands. Findings and failures differ, so that an alarm on `found` does not fire because the database
 * was down.
 */
export const EXIT = {
  /** The command succeeded, or found no problem. */
  holds: 0,
  /** The check ran and found a problem. */
  found: 1,
  /** The command could not run: bad settings, or the bucket or the database does not answer. */
  failed: 2,
  /** Unknown arguments (EX_USAGE of sysexits.h). */
  badUsage: 64,
} as const;

type Options = NonNullable<ParseArgsConfig['options']>;
type Arguments<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>;

export type Command<O extends Options> = {
  /** Printed for `--help`, and after the error when arguments are wrong. */
  usage: string;
  /** Options for `parseArgs` of `node:util`; `--help` is added. */
  options?: O;
  /** Whether positional arguments are allowed. Default false. */
  allowPositionals?: boolean;
};

/** A command's arguments are wrong: prints the reason and the usage, and exits with 64. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * Runs the service with the settings of the environment and of `.env`, if present; the environment wins. An error is
 * printed on standard error, and the process exits with 1.
 */
export async function run(program: (config: Config) => Promise<void>): Promise<void> {
  // On a full disk or a closed pipe, output is lost; that is no reason to exit.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    await program(readConfig());
  } catch (error) {
    console.error(describeError(error));
    process.exit(1);
  }
}

/**
 * Runs a command: `--help` prints its usage without reading the settings; unknown arguments exit with 64; otherwise
 * `program` runs on the settings, as in `run`, and the process exits with the code it returns, or with 2 if it throws.
 */
export async function runCommand<O extends Options>(
  { usage, options, allowPositionals = false }: Command<O>,
  program: (config: Config, args: Arguments<O>) => Promise<number>,
): Promise<void> {
  // Node's own exit code for these is 1, which would mean a finding.
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
  // Before the errors: a setting reported as missing may be a misspelt one.
  for (const hint of misspeltSettings(process.env, SETTING_NAMES)) console.error(`warning: ${hint}`);
  return parseConfig(process.env);
}

function describeError(error: unknown): string {
  const heading = error instanceof ConfigError ? 'the settings are not valid:\n' : '';
  return `${heading}${reasons(error).join('\n  because: ')}`;
}

/** The messages of an error and its causes; of the last one, what the network, the database or S3 said. */
function reasons(error: unknown): string[] {
  if (!(error instanceof Error) || error.cause === undefined) return [reasonOf(error)];
  return [error.message, ...reasons(error.cause)];
}

/** The log of a command: errors and warnings, a line each, on standard error. */
export const commandLogger = { error: tell, warn: tell, info: () => {}, debug: () => {} };

function tell({ err, ...fields }: Record<string, unknown>, message: string): void {
  const why = err === undefined ? '' : `: ${reasonOf(err)}`;
  console.error(`${message}${why}`, ...(Object.keys(fields).length > 0 ? [JSON.stringify(fields)] : []));
}
