import { v7 as uuidv7 } from 'uuid';
import type { FilePage } from '../../src/db/find-files.ts';

export type Given = {
  id: string;
  owner: string;
  name: string;
  type: string;
  size: number;
  record: string | null;
  documentType: string | null;
  status: string;
  at: number;
};

export function given(values: Partial<Given> = {}): Given {
  return {
    id: uuidv7(),
    owner: 'alice',
    name: 'a.txt',
    type: 'text/plain',
    size: 1,
    record: null,
    documentType: null,
    status: 'active',
    at: Date.UTC(2026, 0, 1),
    ...values,
  };
}

/** A simple model of `findFiles`. */
export function expected(files: Given[], page: Omit<FilePage, 'limit'>): string[] {
  const { sort = '-createdAt', status = 'active', contentType, q } = page;
  const isOfType = (type: string) => {
    if (contentType?.endsWith('/*')) return type.startsWith(contentType.slice(0, -1));
    return type === contentType || type.split(';')[0]?.trimEnd() === contentType;
  };
  const by = { createdAt: 'at', fileName: 'name', size: 'size' }[sort.replace('-', '')] as 'at' | 'name' | 'size';
  const compare = (a: Given, b: Given) =>
    by === 'name' ? Buffer.compare(Buffer.from(folded(a.name)), Buffer.from(folded(b.name))) : a[by] - b[by];
  return files
    .filter((file) => file.owner === page.ownerId && file.status === status)
    .filter((file) => page.recordId === undefined || file.record === page.recordId)
    .filter((file) => page.documentType === undefined || file.documentType === page.documentType)
    .filter((file) => contentType === undefined || isOfType(file.type))
    .filter((file) => page.createdFrom === undefined || file.at >= page.createdFrom.getTime())
    .filter((file) => page.createdTo === undefined || file.at < page.createdTo.getTime())
    .filter((file) => q === undefined || folded(file.name).includes(folded(q)))
    .toSorted((a, b) => (compare(a, b) || (a.id < b.id ? -1 : 1)) * (sort.startsWith('-') ? -1 : 1))
    .map((file) => file.id);
}

export const folded = (name: string) => name.normalize('NFC').toLowerCase();
