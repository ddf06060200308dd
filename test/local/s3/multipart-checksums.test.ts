import { createHash } from 'node:crypto';
import { type CreateMultipartUploadCommandInput, HeadObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { startChecksum } from '../../../src/local/s3/checksums/running-checksum.ts';
import { begin, complete, FIRST, LAST, SECOND, s3, sendPart, WHOLE } from './multipart-store.ts';

describe('checksums of a multipart upload', () => {
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('base64');
  const composite = createHash('sha256')
    .update(Buffer.concat([FIRST, LAST].map((bytes) => createHash('sha256').update(bytes).digest())))
    .digest('base64');

  it('are composite for SHA-256', async () => {
    const uploadId = await begin('sha256', { ChecksumAlgorithm: 'SHA256' });
    const parts = [
      await sendPart('sha256', uploadId, 1, FIRST, { ChecksumSHA256: sha256(FIRST) }),
      await sendPart('sha256', uploadId, 2, LAST, { ChecksumSHA256: sha256(LAST) }),
    ];
    const withoutOne = parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    await expect(complete('sha256', uploadId, withoutOne)).rejects.toMatchObject({ name: 'InvalidRequest' });
    const exchanged = parts.map((part) => ({ ...part, ChecksumSHA256: sha256(LAST) }));
    await expect(complete('sha256', uploadId, exchanged)).rejects.toMatchObject({ name: 'InvalidPart' });
    await expect(complete('sha256', uploadId, parts, { ChecksumSHA256: sha256(LAST) })).rejects.toMatchObject({
      name: 'BadDigest',
    });
    const completed = await complete('sha256', uploadId, parts, { ChecksumSHA256: `${composite}-2` });
    expect(completed).toMatchObject({ ChecksumSHA256: `${composite}-2`, ChecksumType: 'COMPOSITE' });
    const head = new HeadObjectCommand({ Bucket: s3.bucket, Key: 'sha256', ChecksumMode: 'ENABLED' });
    expect(await s3.client.send(head)).toMatchObject({
      ChecksumSHA256: `${composite}-2`,
      ChecksumType: 'COMPOSITE',
    });
  });

  it.each([
    ['CRC32', 'crc32', 'ChecksumCRC32'],
    ['CRC64NVME', 'crc64nvme', 'ChecksumCRC64NVME'],
  ] as const)('cover the whole object for FULL_OBJECT %s, computed for parts without one', async (name, id, field) => {
    const key = `full-${id}`;
    const uploadId = await begin(key, { ChecksumAlgorithm: name, ChecksumType: 'FULL_OBJECT' });
    const sent = startChecksum(id);
    sent.update(SECOND);
    const parts = [
      await sendPart(key, uploadId, 1, FIRST),
      await sendPart(key, uploadId, 2, SECOND, { [field]: sent.digest().toString('base64') }),
      await sendPart(key, uploadId, 3, LAST),
    ].map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    const whole = startChecksum(id);
    whole.update(WHOLE);
    const value = whole.digest().toString('base64');
    expect(await complete(key, uploadId, parts, { [field]: value })).toMatchObject({
      [field]: value,
      ChecksumType: 'FULL_OBJECT',
    });
  });

  it('must use the algorithm of the upload', async () => {
    const plain = await begin('plain');
    await expect(sendPart('plain', plain, 1, LAST, { ChecksumSHA256: sha256(LAST) })).rejects.toMatchObject({
      name: 'InvalidRequest',
      message: 'Checksum Type mismatch occurred, expected checksum Type: null, actual checksum Type: sha256',
    });
    const uploadId = await begin('algorithm', { ChecksumAlgorithm: 'SHA256' });
    await expect(sendPart('algorithm', uploadId, 1, LAST)).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(sendPart('algorithm', uploadId, 1, LAST, { ChecksumSHA256: sha256(FIRST) })).rejects.toMatchObject({
      name: 'BadDigest',
    });
  });

  it.each([
    ['a SHA-256 of the whole object', { ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' }],
    ['a composite CRC64NVME', { ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' }],
    ['a type without an algorithm', { ChecksumType: 'COMPOSITE' }],
    ['an unknown algorithm', { ChecksumAlgorithm: 'MD4' }],
  ])('cannot be %s', async (_name, more) => {
    const begun = begin('kinds', more as Partial<CreateMultipartUploadCommandInput>);
    await expect(begun).rejects.toMatchObject({ name: 'InvalidRequest' });
  });
});
