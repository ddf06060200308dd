import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { FILE_ID_PATTERN, type ObjectKeyParts, toUserId } from '../../src/contract/object-key.ts';
import { createIdSigner } from '../../src/uploads/id-signer.ts';
import { isMarked, markFileId } from '../../src/uploads/mark-file-id.ts';

const signer = createIdSigner(['a secret of this test']);
const label = fc.option(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,9}$/), { nil: null });
const parts = fc
  .record({
    userId: fc.stringMatching(/^[a-z|~]{1,9}$/),
    recordId: label,
    documentType: label,
    fileName: fc.stringMatching(/^[a-z.]{1,9}$/),
  })
  .map((given) => ({ ...given, fileId: uuidv7(), userId: toUserId(given.userId) }) as ObjectKeyParts);

describe('markFileId', () => {
  it('makes a UUIDv7 that is recognized only with its key', () => {
    fc.assert(
      fc.property(parts, parts, (mine, other) => {
        const marked = { ...mine, fileId: markFileId(signer, mine, 'service') };
        expect(marked.fileId).toMatch(FILE_ID_PATTERN);
        expect(marked.fileId.slice(0, 30)).toBe(mine.fileId.slice(0, 30));
        expect([isMarked(signer, marked), isMarked(signer, marked, ['client'])]).toEqual([true, false]);
        const [recordId, documentType] = [marked.documentType, marked.recordId];
        for (const changed of [
          { ...other, fileId: marked.fileId },
          { ...marked, recordId, documentType },
        ]) {
          const isSame = JSON.stringify({ ...changed, fileId: '' }) === JSON.stringify({ ...marked, fileId: '' });
          expect(isMarked(signer, { ...marked, ...changed })).toBe(isSame);
        }
        expect(isMarked(createIdSigner(['another secret']), marked)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });
});
