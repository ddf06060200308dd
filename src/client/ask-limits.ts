import { retry } from './retry.ts';
import type { Session } from './transfer.ts';

/** What the token's user may upload. */
export type Limits = {
  /** The largest file, in bytes. */
  maxBytes: number;
  /** Types and patterns like `image/*`: joined with commas, the `accept` of a file input. */
  contentTypes: string[];
  methods: ('PUT' | 'POST' | 'MULTIPART')[];
  /** Larger files are sent in parts. */
  multipartThresholdBytes: number;
  /** The maximum (null: no limit) and what is stored (null: unknown at the moment), in bytes and in number. */
  quota: { bytes: number | null; files: number | null; usedBytes: number | null; usedFiles: number | null };
};

export type LimitsOptions = {
  /** Limits can differ by document type. */
  documentType?: string | undefined;
  signal?: AbortSignal | undefined;
};

export function askLimits(
  session: Session,
  { documentType, signal = new AbortController().signal }: LimitsOptions,
): Promise<Limits> {
  const query = documentType === undefined ? '' : `?${new URLSearchParams({ documentType })}`;
  return retry(() => session.call<Limits>(`/limits${query}`, undefined, signal, 'GET'), session, signal);
}
