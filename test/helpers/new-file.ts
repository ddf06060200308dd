import { v7 as uuidv7 } from 'uuid';
import { parseObjectKey } from '../../src/contract/object-key.ts';
import type { NewFile } from '../../src/db/create-file-queries.ts';
import { toUnverifiedFile } from '../../src/uploads/to-new-file.ts';

/** A row as an upload inserts it: `alice`'s `lease.pdf`, overridden by the given values. */
export function newFile(values: Partial<NewFile> = {}): NewFile {
  const { id = uuidv7(), ownerId = 'alice' } = values;
  const key = parseObjectKey('', `${ownerId}/_/_/${id}/lease.pdf`);
  if (key === null) throw new Error(`no key of ${ownerId}'s`);
  const row = toUnverifiedFile(key, null, new Date('2026-11-20T17:00:00.123Z'));
  return { ...row, contentType: 'application/pdf', sizeBytes: 48_213, etag: '"9b2c"', ...values };
}
