import type { SilentRequest } from './explain-silence.ts';
import { networkError, SignpostError } from './signpost-error.ts';

/** The error of a request that got no answer. Looks for the reason only if the server has never answered. */
export async function noAnswer(request: SilentRequest, wasReached: boolean, cause: unknown): Promise<SignpostError> {
  const why = wasReached
    ? null
    : await import('./explain-silence.ts').then(
        ({ explainSilence }) => explainSilence(request),
        () => null,
      );
  return why ? new SignpostError({ status: 0, cause, ...why }) : networkError(cause, wasReached);
}
