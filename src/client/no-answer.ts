import type { SilentRequest } from './explain-silence.ts';
import { networkError, SignpostError } from './signpost-error.ts';

/** A request that got no answer, and why, as far as it can be found out. That is asked for only of new servers. */
export async function noAnswer(request: SilentRequest, wasReached: boolean, cause: unknown): Promise<SignpostError> {
  const why = wasReached
    ? null
    : await import('./explain-silence.ts').then(
        ({ explainSilence }) => explainSilence(request),
        () => null,
      );
  return why ? new SignpostError({ status: 0, cause, ...why }) : networkError(cause, wasReached);
}
