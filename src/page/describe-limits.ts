import type { Limits } from '../client/stored-file.ts';
import { formatBytes, formatCount, formatFiles, joinFacts, nameType } from './format.ts';
import { wording } from './wording.ts';

export const ANY_TYPE = '*/*';

/** `Up to 5 GB per file · images · PDF · 48 MB of 1 GB used`. */
export function describeLimits({ maxBytes, contentTypes, quota }: Limits): string {
  const { bytes, files, usedBytes, usedFiles } = quota;
  return joinFacts([
    wording.perFile(formatBytes(maxBytes)),
    ...(contentTypes.includes(ANY_TYPE) ? [] : contentTypes.map(nameType)),
    ...(bytes === null || usedBytes === null ? [] : [wording.bytesUsed(formatBytes(usedBytes), formatBytes(bytes))]),
    ...(files === null || usedFiles === null ? [] : [wording.filesStored(formatCount(usedFiles), formatFiles(files))]),
  ]);
}
