/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78;

/** Slicing by eight: `TABLES[n * 256 + byte]` is that byte's remainder with `n` zero bytes behind it. */
const TABLES = new Uint32Array(8 * 256);
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  TABLES[byte] = remainder;
}
for (let index = 256; index < TABLES.length; index++) {
  const previous = at(index - 256);
  TABLES[index] = (previous >>> 8) ^ at(previous & 0xff);
}

/** CRC-32C (RFC 3720, appendix B.4) of `bytes`, continuing from `previous`, the result for what came before. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const slicedEnd = bytes.length - (bytes.length % 8);
  let crc = ~previous;
  for (let offset = 0; offset < slicedEnd; offset += 8) {
    const low = crc ^ view.getUint32(offset, true);
    const high = view.getUint32(offset + 4, true);
    crc =
      at(0x700 | (low & 0xff)) ^
      at(0x600 | ((low >>> 8) & 0xff)) ^
      at(0x500 | ((low >>> 16) & 0xff)) ^
      at(0x400 | (low >>> 24)) ^
      at(0x300 | (high & 0xff)) ^
      at(0x200 | ((high >>> 8) & 0xff)) ^
      at(0x100 | ((high >>> 16) & 0xff)) ^
      at(high >>> 24);
  }
  for (let offset = slicedEnd; offset < bytes.length; offset++) {
    crc = (crc >>> 8) ^ at((crc ^ view.getUint8(offset)) & 0xff);
  }
  return ~crc >>> 0;
}

function at(index: number): number {
  return TABLES[index] ?? 0;
}
