import type { Limits } from '../client/stored-file.ts';
import { formatBytes, formatCount, formatFiles, joinFacts } from './format.ts';

export const ANY_TYPE = '*/*';

/** `Up to 5 GB per file · image/* · application/pdf · 48 MB of 1 GB used`. */
export function describeLimits({ maxBytes, contentTypes, quota }: Limits): string {
  const { bytes, files, usedBytes, usedFiles } = quota;
  return joinFacts([
    `Up to ${formatBytes(maxBytes)} per file`,
    ...(contentTypes.includes(ANY_TYPE) ? [] : contentTypes),
    ...(bytes === null || usedBytes === null ? [] : [`${formatBytes(usedBytes)} of ${formatBytes(bytes)} used`]),
    ...(files === null || usedFiles === null ? [] : [`${formatCount(usedFiles)} of ${formatFiles(files)} stored`]),
  ]);
}
