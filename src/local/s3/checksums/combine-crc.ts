/** Reflected polynomials and their widths in bits. */
const PARAMETERS = {
  crc32: { bits: 32n, polynomial: 0xedb88320n },
  crc32c: { bits: 32n, polynomial: 0x82f63b78n },
  crc64nvme: { bits: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
} as const;

type CrcAlgorithm = keyof typeof PARAMETERS;

/**
 * Combines the checksums of consecutive pieces into that of the whole, all big-endian: appending `n` bytes multiplies
 * by x^(8n) modulo the polynomial (as zlib's `crc32_combine` does).
 */
export function combineCrc(algorithm: CrcAlgorithm, pieces: readonly { crc: Buffer; sizeBytes: number }[]): Buffer {
  const { bits, polynomial } = PARAMETERS[algorithm];
  // The highest bit stands for x^0.
  const one = 1n << (bits - 1n);

  function multiply(a: bigint, b: bigint): bigint {
    let product = 0n;
    let shifted = b;
    for (let bit = one; bit > 0n; bit >>= 1n) {
      if ((a & bit) !== 0n) product ^= shifted;
      shifted = (shifted & 1n) === 0n ? shifted >> 1n : (shifted >> 1n) ^ polynomial;
    }
    return product;
  }

  function powerOfX(exponent: bigint): bigint {
    let power = one;
    let square = one >> 1n;
    for (let rest = exponent; rest > 0n; rest >>= 1n) {
      if ((rest & 1n) === 1n) power = multiply(power, square);
      square = multiply(square, square);
    }
    return power;
  }

  // Cached, because all parts but the last usually have the same size.
  const powers = new Map<number, bigint>();
  let combined = 0n;
  for (const { crc, sizeBytes } of pieces) {
    const power = powers.get(sizeBytes) ?? powerOfX(BigInt(sizeBytes) * 8n);
    powers.set(sizeBytes, power);
    combined = multiply(combined, power) ^ BigInt(`0x${crc.toString('hex')}`);
  }
  return Buffer.from(combined.toString(16).padStart(Number(bits) / 4, '0'), 'hex');
}
