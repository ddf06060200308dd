/** `crypto.subtle` needs the whole blob in memory. */
const MAX_SUBTLE_BYTES = 16 * 1024 * 1024;

/**
 * SHA-256 of a blob of any size. Up to 16 MiB by `crypto.subtle`, which is fast and off the main thread, but missing on
 * pages without TLS; otherwise by a module that is loaded when it is needed.
 * @returns base64, as S3 writes checksums.
 */
export async function sha256(blob: Blob, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const subtle = globalThis.crypto?.subtle;
  const digest =
    subtle === undefined || blob.size > MAX_SUBTLE_BYTES
      ? await (await import('./hash-in-pieces.ts')).hashInPieces(blob, signal)
      : await subtle.digest('SHA-256', await blob.arrayBuffer());
  signal?.throwIfAborted();
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
