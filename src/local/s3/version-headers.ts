import type { S3Call } from './s3-call.ts';
import { queryValue, type S3Request } from './s3-request.ts';
import { readVersioning } from './store/versioning.ts';

/** Which object a request is about; `versionId` is null for the current one. */
export function addressedObject(request: S3Request): { key: string; versionId: string | null } {
  return { key: request.key, versionId: queryValue(request, 'versionId') ?? null };
}

/** The header with a version's id; empty if the bucket never kept versions. */
export async function versionHeaders(
  { store, request }: Pick<S3Call, 'store' | 'request'>,
  versionId: string,
): Promise<[string, string][]> {
  const versioning = await readVersioning(store, request.bucket);
  return versioning === null ? [] : [['x-amz-version-id', versionId]];
}
