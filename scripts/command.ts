import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { Config } from '../src/config/config.ts';
import { reasonOf } from '../src/net/reason-of.ts';
import { describeError, readConfig } from '../src/start/run.ts';

/**
 * Exit codes of commands. Findings and failures differ, so that an alarm on `found` does not fire because the database
 * was down.
 */
export const EXIT = {
  /** The command succeeded, or found no problem. */
  holds: 0,
  /** The check ran and found a problem; or one of several files failed. */
  found: 1,
  /** The command could not run: bad settings, or the bucket, the database or the service does not answer. */
  failed: 2,
  /** Unknown arguments (EX_USAGE of sysexits.h). */
  badUsage: 64,
  /** Stopped by Ctrl-C (128 and the number of SIGINT, as shells have it). */
  interrupted: 130,
  /** The reader of its output has gone (128 and the number of SIGPIPE). */
  closedPipe: 141,
} as const;

type Options = NonNullable<ParseArgsConfig['options']>;
export type Arguments<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>;

export type CommandDefinition<O extends Options> = {
  /** Printed for `--help`, and after the error when arguments are wrong. */
  usage: string;
  /** Options for `parseArgs` of `node:util`; `--help` is added. */
  options?: O;
  /** Whether positional arguments are allowed. Default false. */
  allowPositionals?: boolean;
  /** Options that may be an empty text. Elsewhere that is a script's unset variable, and wrong. Default none. */
  mayBeEmpty?: readonly string[];
  /** The words of which the first argument is one, for the shell to complete. */
  words?: readonly string[];
};

/** What a shell may complete of a command's arguments. */
export type Completable = { options: Options; words: readonly string[] };

/** Parses the arguments, runs the command, and exits the process. */
export type Command = ((args: readonly string[]) => Promise<never>) & Completable;

/** A command's arguments are wrong: prints the reason and the usage, and exits with 64. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * A command. `--help` prints its usage; unknown arguments exit with 64; otherwise `program` runs, and the process exits
 * with the code it returns, or with 2 if it throws.
 */
export function defineCommand<O extends Options>(
  { usage, options, allowPositionals = false, mayBeEmpty = [], words = [] }: CommandDefinition<O>,
  program: (args: Arguments<O>) => Promise<number>,
): Command {
  const known = { ...options, help: { type: 'boolean', short: 'h' } } as const;
  const run = async (argv: readonly string[]): Promise<never> => {
    // Node's own exit code for these is 1, which would mean a finding.
    process.on('uncaughtException', (error) => {
      console.error(error);
      process.exit(EXIT.failed);
    });
    // With nobody to read it, what has begun is finished: the doctor removes what it has stored.
    process.stdout.on('error', () => {});
    try {
      const args = readArguments(argv, known, allowPositionals);
      refuseEmpty(args, mayBeEmpty);
      if ('help' in args.values && args.values.help === true) {
        console.log(usage);
        process.exit(EXIT.holds);
      }
      const code = await program(args as Arguments<O>);
      const lost: NodeJS.ErrnoException | null = process.stdout.errored;
      if (lost !== null && lost.code !== 'EPIPE') exitForOutput(lost);
      process.exit(code);
    } catch (error) {
      const isUsage = error instanceof UsageError;
      console.error(isUsage ? `${error.message}\n\n${usage}` : describeError(error));
      process.exit(isUsage ? EXIT.badUsage : EXIT.failed);
    }
  };
  return Object.assign(run, { options: known, words });
}

/** A command on the service's own settings: those of the environment and of `.env`. `--help` does not read them. */
export function defineServiceCommand<O extends Options>(
  definition: CommandDefinition<O>,
  program: (config: Config, args: Arguments<O>) => Promise<number>,
): Command {
  return defineCommand(definition, (args) => program(readConfig(), args));
}

/** Ends the process, with the code of what standard output fails with: its reader has gone, or a disk is full. */
export function exitForOutput(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(EXIT.closedPipe);
  console.error(`standard output: ${error.message}`);
  process.exit(EXIT.failed);
}

function readArguments(args: readonly string[], options: Options, allowPositionals: boolean) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A filter that is empty would be none: `ls --record "$UNSET" | xargs rm` would remove all files. */
function refuseEmpty({ values, positionals }: Arguments<Options>, mayBeEmpty: readonly string[]): void {
  for (const [name, value] of Object.entries<unknown>(values)) {
    if ([value].flat().includes('') && !mayBeEmpty.includes(name)) throw new UsageError(`--${name} is empty`);
  }
  if (positionals.includes('')) throw new UsageError('an argument is empty');
}

/** The log of a command: errors and warnings, a line each, on standard error. */
export const commandLogger = { error: tell, warn: tell, info: () => {}, debug: () => {} };

function tell({ err, ...fields }: Record<string, unknown>, message: string): void {
  const why = err === undefined ? '' : `: ${reasonOf(err)}`;
  console.error(`${message}${why}`, ...(Object.keys(fields).length > 0 ? [JSON.stringify(fields)] : []));
}
