const CHUNK_BYTES = 1024 * 1024;
const BLOCK_BYTES = 64;

const primes: number[] = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);

/** The first 32 bits of the fractional part. */
const fraction = (x: number) => ((x % 1) * 2 ** 32) | 0;
const INITIAL = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const ROUNDS = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));

/**
 * SHA-256 (FIPS 180-4, section 6.2) of a blob of any size, with 1 MiB in memory at a time. Used where `crypto.subtle`
 * is missing (pages without TLS), and for blobs that are too large for it. This module is loaded when it is first
 * needed.
 */
export async function hashInPieces(blob: Blob, signal?: AbortSignal): Promise<ArrayBuffer> {
  const state = Int32Array.from(INITIAL);
  const wholeBytes = blob.size - (blob.size % BLOCK_BYTES);
  for (let start = 0; start < wholeBytes; start += CHUNK_BYTES) {
    signal?.throwIfAborted();
    const chunk = blob.slice(start, Math.min(start + CHUNK_BYTES, wholeBytes));
    compress(state, new DataView(await chunk.arrayBuffer()));
  }
  const rest = new Uint8Array(await blob.slice(wholeBytes).arrayBuffer());
  const last = new DataView(new ArrayBuffer(rest.length + 9 > BLOCK_BYTES ? 2 * BLOCK_BYTES : BLOCK_BYTES));
  for (const [index, byte] of rest.entries()) last.setUint8(index, byte);
  last.setUint8(rest.length, 0x80);
  last.setBigUint64(last.byteLength - 8, BigInt(blob.size) * 8n);
  compress(state, last);

  const digest = new DataView(new ArrayBuffer(32));
  for (const [index, word] of state.entries()) digest.setInt32(index * 4, word);
  return digest.buffer;
}

const rotate = (word: number, bits: number) => (word >>> bits) | (word << (32 - bits));

/** Names as in the standard: `w` is the message schedule, `a` to `h` the working variables. */
function compress(state: Int32Array, blocks: DataView): void {
  const w = new Int32Array(64);
  const at = (index: number) => w[index] ?? 0;
  for (let offset = 0; offset < blocks.byteLength; offset += BLOCK_BYTES) {
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
    for (let t = 0; t < 64; t++) {
      if (t < 16) w[t] = blocks.getInt32(offset + t * 4);
      else {
        const early = at(t - 15);
        const late = at(t - 2);
        const sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
        const sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
        w[t] = sigma1 + at(t - 7) + sigma0 + at(t - 16);
      }
      const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + sum1 + ((e & f) ^ (~e & g)) + (ROUNDS[t] ?? 0) + at(t)) | 0;
      const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    const [a0 = 0, b0 = 0, c0 = 0, d0 = 0, e0 = 0, f0 = 0, g0 = 0, h0 = 0] = state;
    state.set([a0 + a, b0 + b, c0 + c, d0 + d, e0 + e, f0 + f, g0 + g, h0 + h]);
  }
}
