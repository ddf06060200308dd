import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseObjectKey } from '../../src/contract/object-key.ts';
import { createIdSigner } from '../../src/uploads/id-signer.ts';
import {
  formatUploadId,
  type MultipartPlan,
  parseUploadId,
  partCount,
  partLength,
  planOpenParts,
  planParts,
} from '../../src/uploads/multipart-plan.ts';

const MIB = 1024 ** 2;
const signer = createIdSigner(['a secret of this test']);
const keyOf = (fileId: string) => {
  const key = parseObjectKey('', `alice/_/_/${fileId}/a.bin`);
  if (key === null) throw new Error('a key');
  return key.key;
};
const key = keyOf('0198c0de-0000-7000-8000-000000000001');
const roundTrip = (plan: MultipartPlan, bucketUploadId: string) =>
  parseUploadId(signer, key, formatUploadId(signer, { key, plan, bucketUploadId, sseKeyId: null }));

describe('planParts', () => {
  it('splits every size up to 5 TiB into at most 10,000 parts, all but the last equal', () => {
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
          expect(roundTrip(plan, '2~a.b-c')).toEqual({ plan, bucketUploadId: '2~a.b-c', sseKeyId: null });
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('planOpenParts', () => {
  it('has parts of 5 MiB or more, at most 10,000, and is kept in the upload id', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((n) => n % (5 * 1024 ** 4 + 1)),
        (maxBytes) => {
          const plan = planOpenParts(maxBytes);
          const count = partCount(plan);
          expect(count).toBe(Math.min(10_000, Math.ceil(maxBytes / (5 * MIB)) || 1));
          expect(partLength(plan, count + 1)).toBeNull();
          expect(roundTrip(plan, '2~x.y')).toEqual({ plan, bucketUploadId: '2~x.y', sseKeyId: null });
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
    '1.2.x',
    '1.2..x',
    `1.2.${'A'.repeat(22)}.x`,
    `1.2+open.${'A'.repeat(22)}.x`,
    `1.2.${'ä'.repeat(22)}.x`,
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
    expect(parseUploadId(signer, key, id)).toBeNull();
  });

  it('refuses an id with any changed character, or of another key or secret', () => {
    const plans = [planParts(10, 5 * MIB), planParts(10, 5 * MIB, true), planOpenParts(MIB)];
    for (const [index, plan] of plans.entries()) {
      const sseKeyId = index === 0 ? 'k-2_A' : null;
      const id = formatUploadId(signer, { key, plan, bucketUploadId: '2~a.b-c', sseKeyId });
      expect(parseUploadId(signer, key, id)).toEqual({ plan, bucketUploadId: '2~a.b-c', sseKeyId });
      const printable = Array.from({ length: 94 }, (_, code) => String.fromCharCode(0x21 + code));
      for (const [index, character] of [...id].entries()) {
        for (const other of printable.filter((each) => each !== character)) {
          const changed = `${id.slice(0, index)}${other}${id.slice(index + 1)}`;
          expect(parseUploadId(signer, key, changed), changed).toBeNull();
        }
      }
      for (const changed of [`1${id}`, `${id}x`, id.slice(0, -1), id.replace(/^\d+/, '1'), id.replace(/\+\w+/, '')]) {
        if (changed !== id) expect(parseUploadId(signer, key, changed)).toBeNull();
      }
      const [size, part, tag, ...rest] = id.split('.');
      for (const kind of ['', '+open', '+sha256', '~k1']) {
        const changed = [size, `${part?.split(/[+~]/)[0]}${kind}`, tag, ...rest].join('.');
        if (changed !== id) expect(parseUploadId(signer, key, changed)).toBeNull();
      }
      expect(parseUploadId(signer, keyOf('0198c0de-0000-7000-8000-000000000002'), id)).toBeNull();
      expect(parseUploadId(createIdSigner(['another secret']), key, id)).toBeNull();
    }
  });

  it('accepts ids signed with an older secret, or by another instance with the same secret', () => {
    const upload = { key, plan: planParts(10, 5 * MIB), bucketUploadId: 'x', sseKeyId: null };
    const rotated = createIdSigner(['a new secret', 'a secret of this test']);
    expect(parseUploadId(rotated, key, formatUploadId(signer, upload))).not.toBeNull();
    expect(parseUploadId(signer, key, formatUploadId(rotated, upload))).toBeNull();
    expect(formatUploadId(createIdSigner(['a secret of this test']), upload)).toBe(formatUploadId(signer, upload));
  });
});
