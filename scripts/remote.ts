import type { ParseArgsConfig } from 'node:util';
import { SignpostError } from '../src/client/create-signpost.ts';
import {
  type Arguments,
  type Command,
  type CommandDefinition,
  defineCommand,
  EXIT,
  exitForOutput,
  UsageError,
} from './command.ts';

/** The end of the usage of every command that is a client of a running service. */
export const REMOTE_USAGE = `SIGNPOST is the service's address (http://127.0.0.1:3000), TOKEN the bearer token.`;

/** Attempts of a request that a person waits for: some seconds, not a minute. */
export const QUICK_ATTEMPTS = 4;

type Remote = { url: string; token: string };

/** A command that is a client of a running service. An error that it does not catch is printed; the exit code is 2. */
export function defineRemoteCommand<O extends NonNullable<ParseArgsConfig['options']>>(
  definition: CommandDefinition<O>,
  program: (service: Remote, args: Arguments<O>) => Promise<number>,
): Command {
  return defineCommand(definition, async (args) => {
    const service = remoteService();
    process.stdout.on('error', exitForOutput);
    return program(service, args).catch((error: unknown) => {
      if (!(error instanceof SignpostError)) throw error;
      console.error(explain(error));
      return EXIT.failed;
    });
  });
}

/**
 * The service that a client's command talks to.
 * @throws {UsageError} if SIGNPOST or TOKEN is not set, or SIGNPOST is not an http address.
 */
function remoteService(): Remote {
  const { SIGNPOST: url = '', TOKEN: token = '' } = process.env;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError('set SIGNPOST to the address of the service, like http://127.0.0.1:3000');
  }
  if (token === '') throw new UsageError('set TOKEN to the bearer token');
  return { url, token };
}

/** An error as a line for people: the problem, its reasons, and its code for scripts. */
export function explain(error: unknown): string {
  if (!(error instanceof SignpostError)) return error instanceof Error ? error.message : String(error);
  if (error.code === 'network-error') return 'the service or the bucket does not answer (network-error)';
  const more = error.errors.filter(({ message }) => message !== error.detail);
  const reasons = more.map(({ path, message }) => `${path} ${message}`.trim()).join(', ');
  return `${error.detail}${reasons === '' ? '' : `: ${reasons}`} (${error.code})`;
}

/**
 * Whether this one failed (1): it was refused, or its file changed. Or the service could not be asked at all (2): no
 * answer, no valid token, an outage, a wrong address.
 */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof SignpostError) || error.code === 'file-changed') return EXIT.found;
  // What answers at a wrong address is a web server, or another route.
  const isElsewhere = ['unexpected-answer', 'route-not-found'].includes(error.code);
  return error.retryable || isElsewhere || error.status === 0 || error.status === 401 ? EXIT.failed : EXIT.found;
}
