import type { AppTypes, DocumentOf } from './app-types.ts';
import { retry } from './retry.ts';
import type { Limits } from './stored-file.ts';
import type { Session } from './transfer.ts';

export type LimitsOptions<App extends AppTypes = AppTypes> = {
  /** Limits can differ by document type. */
  documentType?: DocumentOf<App> | undefined;
  signal?: AbortSignal | undefined;
};

export function askLimits(
  session: Session,
  { documentType, signal = new AbortController().signal }: LimitsOptions,
): Promise<Limits> {
  const query = documentType === undefined ? '' : `?${new URLSearchParams({ documentType })}`;
  return retry(() => session.call<Limits>(`/limits${query}`, undefined, signal, 'GET'), session, signal);
}
