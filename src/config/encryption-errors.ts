import { isLoopback } from '../net/is-loopback.ts';
import type { Settings } from './settings.ts';
import type { Store } from './slices.ts';

/** Which settings of encryption at rest contradict each other, or ask for what the store cannot do. */
export function encryptionErrors(
  set: Settings,
  { provider, sseModes, frozenUploads, encryptedCopies }: Store,
): string[] {
  const errors: string[] = [];
  const { SSE_MODE: mode } = set;
  if (mode !== 'none' && !sseModes.includes(mode)) {
    const known = ['none', ...sseModes].join(', ');
    errors.push(`SSE_MODE: this store (S3_PROVIDER=${provider}) does not support ${mode}, only ${known}`);
  }
  for (const name of ['SSE_KMS_KEY_ID', 'SSE_KMS_CONTEXT', 'SSE_KMS_BUCKET_KEY'] as const) {
    if (set[name] !== undefined && mode !== 'kms') errors.push(`${name}: needs SSE_MODE=kms`);
  }
  if (mode !== 'none' && frozenUploads === 'all' && !encryptedCopies) {
    const why = `since this store (S3_PROVIDER=${provider}) copies no encrypted object`;
    errors.push(`FREEZE_UPLOADS: must be post with SSE_MODE=${mode}, ${why}`);
  }
  if (mode !== 'c') return errors;
  if (set.SSE_C_MASTER_KEYS === undefined) {
    errors.push('SSE_C_MASTER_KEYS: required with SSE_MODE=c, like k1:<openssl rand -base64 32>');
  }
  if (set.PUBLIC_BASE_URL !== undefined) {
    errors.push('PUBLIC_BASE_URL: has no meaning with SSE_MODE=c, since a public URL carries no key');
  }
  for (const name of ['S3_ENDPOINT', 'S3_PUBLIC_ENDPOINT'] as const) {
    if (set[name] !== undefined && !isPrivate(set[name])) {
      errors.push(`${name}: must be https with SSE_MODE=c, since requests carry the keys (or a loopback address)`);
    }
  }
  return errors;
}

/** Whether requests to this URL cannot be read on the way. S3 itself refuses SSE-C without TLS. */
function isPrivate(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || isLoopback(hostname);
}
