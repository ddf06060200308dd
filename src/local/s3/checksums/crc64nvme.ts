/** The NVMe polynomial, reflected: 0x9a6c9329ac4bc9b5 as two halves, since bitwise arithmetic has 32 bits. */
const POLYNOMIAL_HIGH = 0x9a6c9329;
const POLYNOMIAL_LOW = 0xac4bc9b5;

/** Slicing by eight: at `n * 256 + byte`, that byte's remainder with `n` zero bytes behind it. */
const HIGH = new Int32Array(8 * 256);
const LOW = new Int32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit++) {
    const carry = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carry === 1) {
      high ^= POLYNOMIAL_HIGH;
      low ^= POLYNOMIAL_LOW;
    }
  }
  HIGH[byte] = high;
  LOW[byte] = low;
}
for (let index = 256; index < LOW.length; index++) {
  const high = HIGH[index - 256] ?? 0;
  const low = LOW[index - 256] ?? 0;
  const next = low & 0xff;
  LOW[index] = ((low >>> 8) | (high << 24)) ^ (LOW[next] ?? 0);
  HIGH[index] = (high >>> 8) ^ (HIGH[next] ?? 0);
}

/** A CRC-64's two halves, each a signed 32-bit integer. */
type Crc64 = { high: number; low: number };

/**
 * CRC-64/NVME (the S3 reference's CRC64NVME; NVM Command Set specification 1.0d, section 5.2.1.3.4) of `bytes`,
 * continuing from `previous`, the result for what came before.
 */
export function crc64nvme(bytes: Uint8Array, previous: Crc64 = { high: 0, low: 0 }): Crc64 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const slicedEnd = bytes.length - (bytes.length % 8);
  let high = ~previous.high;
  let low = ~previous.low;
  for (let offset = 0; offset < slicedEnd; offset += 8) {
    const l = low ^ view.getInt32(offset, true);
    const h = high ^ view.getInt32(offset + 4, true);
    const i7 = 0x700 | (l & 0xff);
    const i6 = 0x600 | ((l >>> 8) & 0xff);
    const i5 = 0x500 | ((l >>> 16) & 0xff);
    const i4 = 0x400 | (l >>> 24);
    const i3 = 0x300 | (h & 0xff);
    const i2 = 0x200 | ((h >>> 8) & 0xff);
    const i1 = 0x100 | ((h >>> 16) & 0xff);
    const i0 = h >>> 24;
    low = at(LOW, i7) ^ at(LOW, i6) ^ at(LOW, i5) ^ at(LOW, i4) ^ at(LOW, i3) ^ at(LOW, i2) ^ at(LOW, i1) ^ at(LOW, i0);
    high =
      at(HIGH, i7) ^
      at(HIGH, i6) ^
      at(HIGH, i5) ^
      at(HIGH, i4) ^
      at(HIGH, i3) ^
      at(HIGH, i2) ^
      at(HIGH, i1) ^
      at(HIGH, i0);
  }
  for (let offset = slicedEnd; offset < bytes.length; offset++) {
    const index = (low ^ view.getUint8(offset)) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ at(LOW, index);
    high = (high >>> 8) ^ at(HIGH, index);
  }
  return { high: ~high, low: ~low };
}

function at(table: Int32Array, index: number): number {
  return table[index] ?? 0;
}
