import { existsSync } from 'node:fs';
import { type Config, ConfigError, parseConfig } from './config.ts';

/**
 * Runs a program on the settings of the environment and of `.env`, where that is present; what the environment has
 * wins. What it throws is told on standard error, and the process ends with 1.
 */
export async function run(program: (config: Config) => Promise<void>): Promise<void> {
  try {
    if (existsSync('.env')) process.loadEnvFile('.env');
    await program(parseConfig(process.env));
  } catch (error) {
    const heading = error instanceof ConfigError ? 'the settings do not fit:\n' : '';
    console.error(`${heading}${reasons(error).join('\n  because: ')}`);
    process.exit(1);
  }
}

/** The messages of an error and its causes. */
function reasons(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  return [error.message, ...(error.cause === undefined ? [] : reasons(error.cause))];
}
