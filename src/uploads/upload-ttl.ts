import type { Config } from '../config/config.ts';
import { Problem } from '../contract/errors.ts';

/**
 * How many seconds the URLs of an upload are valid: as asked for, and never past the caller's `uploadsUntil`.
 * @param asked default: `UPLOAD_URL_TTL_SECONDS`.
 * @throws {Problem} `forbidden` from `uploadsUntil` on.
 */
export function uploadTtlSeconds(
  { limits, urls }: Pick<Config, 'limits' | 'urls'>,
  now: Date,
  asked = urls.uploadTtlSeconds,
): number {
  const until = limits.caller?.uploadsUntil;
  if (until === undefined) return asked;
  const leftSeconds = Math.floor((Date.parse(until) - now.getTime()) / 1000);
  if (leftSeconds < 1) throw new Problem('forbidden', `your uploads ended at ${until}`);
  return Math.min(asked, leftSeconds);
}
