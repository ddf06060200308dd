import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatUploadId,
  parseUploadId,
  partCount,
  partLength,
  planOpenParts,
  planParts,
} from '../../src/uploads/multipart-plan.ts';

const MIB = 1024 ** 2;

describe('planParts', () => {
  it('cuts every size up to 5 TiB into at most 10,000 parts, equal but for the last, that add up', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((n) => n % (5 * 1024 ** 4 + 1)),
        fc.integer({ min: 5 * MIB, max: 5 * 1024 * MIB }),
        fc.boolean(),
        (size, wanted, partChecksums) => {
          const plan = planParts(size, wanted, partChecksums);
          const count = partCount(plan);
          expect(count).toBeLessThanOrEqual(10_000);
          expect(plan.partSizeBytes).toBeGreaterThanOrEqual(wanted);
          const last = partLength(plan, count) ?? -1;
          expect((count - 1) * plan.partSizeBytes + last).toBe(size);
          if (size > 0) expect(last).toBeGreaterThan(0);
          expect([partLength(plan, 0), partLength(plan, count + 1)]).toEqual([null, null]);
          expect(parseUploadId(formatUploadId(plan, '2~a.b-c'))).toEqual({ plan, bucketUploadId: '2~a.b-c' });
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('planOpenParts', () => {
  it('has as many parts as the limit takes at 5 MiB each, at most 10,000, and travels in the id', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((n) => n % (5 * 1024 ** 4 + 1)),
        (maxBytes) => {
          const plan = planOpenParts(maxBytes);
          const count = partCount(plan);
          expect(count).toBe(Math.min(10_000, Math.ceil(maxBytes / (5 * MIB)) || 1));
          expect(partLength(plan, count + 1)).toBeNull();
          expect(parseUploadId(formatUploadId(plan, '2~x.y'))).toEqual({ plan, bucketUploadId: '2~x.y' });
        },
      ),
    );
  });
});

describe('parseUploadId', () => {
  it.each([
    '',
    'x',
    '1.2',
    '1.2.',
    '1.0.x',
    '1.2+sha1.x',
    '1.2+sha256+open.x',
    '1.2+sha256',
    '1+sha256.2.x',
    '-1.2.x',
    '1.2. x',
    '1.2.x\n',
    '100001.10.x',
    '1e3.2.x',
  ])('refuses %j', (id) => {
    expect(parseUploadId(id)).toBeNull();
  });
});
