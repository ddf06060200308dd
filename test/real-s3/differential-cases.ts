import { bucketCases } from './cases/bucket-cases.ts';
import type { Case } from './cases/case.ts';
import { chunkCases } from './cases/chunk-cases.ts';
import { copyCases } from './cases/copy-cases.ts';
import { corsCases } from './cases/cors-cases.ts';
import { deleteCases } from './cases/delete-cases.ts';
import { encryptionCases } from './cases/encryption-cases.ts';
import { formCases } from './cases/form-cases.ts';
import { listingCases } from './cases/listing-cases.ts';
import { multipartCases } from './cases/multipart-cases.ts';
import { headerCases, keyCases } from './cases/object-cases.ts';
import { conditionCases, rangeCases } from './cases/read-cases.ts';
import { refusedCases } from './cases/refused-cases.ts';
import { taggingCases } from './cases/tagging-cases.ts';
import { versionCases } from './cases/version-cases.ts';
import type { Store } from './compare-stores.ts';

/** All cases, for a bucket with this name. Forms are signed, so they need the store's keys. */
export function differentialCases(bucket: string, keys: Store): Case[] {
  return [
    ...headerCases(),
    ...keyCases(),
    ...rangeCases(),
    ...conditionCases(),
    ...refusedCases(),
    ...listingCases(),
    ...multipartCases(),
    ...copyCases(),
    ...deleteCases(),
    ...taggingCases(),
    ...corsCases(),
    ...bucketCases(),
    ...versionCases(),
    ...encryptionCases(),
    ...chunkCases(keys),
    ...formCases(bucket, keys),
  ];
}
