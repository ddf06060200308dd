import type { Store } from '../config/slices.ts';
import { type Check, ok } from './check.ts';

/** Reports which traits the service assumes of the store, and why: a later check may contradict them. */
export function checkStore({ provider, isGuessed, ...traits }: Store): Check {
  const reason = isGuessed ? 'guessed; set S3_PROVIDER to change it' : 'by S3_PROVIDER';
  const words = [
    traits.forms ? 'forms' : 'no forms',
    `PUT ${traits.conditionalPut ? 'with' : 'without'} If-None-Match`,
    traits.frozenUploads === 'all' ? 'every verified upload is copied' : 'uploads by forms are copied',
    traits.checksums ? 'checksums' : 'no checksums: confirming reads objects to hash them',
    ...(traits.absentHeadersSigned ? ['harmful headers are signed as absent'] : []),
  ];
  return ok('store', `${provider} (${reason}): ${words.join(', ')}`);
}
