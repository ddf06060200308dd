import { type Config, parseConfig, SETTING_NAMES } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { misspeltSettings } from '../config/misspelt-settings.ts';
import { reasonOf } from '../net/reason-of.ts';
import { readEnvFile } from './read-env-file.ts';

/** Runs the service with the settings of `readConfig`. An error is printed on standard error; the exit code is 1. */
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

/** The settings of the environment and of `.env`, if present; the environment wins. Warns of misspelt names. */
export function readConfig(): Config {
  for (const [name, value] of Object.entries(readEnvFile('.env'))) process.env[name] ??= value;
  withoutEd25519Warning();
  // Before the errors: a setting reported as missing may be a misspelt one.
  for (const hint of misspeltSettings(process.env, SETTING_NAMES)) console.error(`warning: ${hint}`);
  return parseConfig(process.env);
}

/**
 * Leaves out a warning that nobody who runs the service can act on: before 20.19.3 and 22.13, Ed25519 is experimental,
 * the algorithm of receipts, and of some issuers' tokens.
 */
function withoutEd25519Warning(): void {
  const { emitWarning } = process;
  process.emitWarning = (...warning: unknown[]) => {
    if (!/\bEd25519\b/.test(String(warning[0]))) Reflect.apply(emitWarning, process, warning);
  };
}

/** An error and its causes, a line each, for people. */
export function describeError(error: unknown): string {
  const heading = error instanceof ConfigError ? 'the settings are not valid:\n' : '';
  return `${heading}${reasons(error).join('\n  because: ')}`;
}

/** The messages of an error and its causes; of the last one, what the network, the database or S3 said. */
function reasons(error: unknown): string[] {
  if (!(error instanceof Error) || error.cause === undefined) return [reasonOf(error)];
  // Drizzle's message is the whole statement; what was wrong is in its cause.
  if ('query' in error) return reasons(error.cause);
  return [error.message, ...reasons(error.cause)];
}
