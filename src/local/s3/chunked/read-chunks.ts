import { S3Error } from '../s3-error.ts';
import type { ChunkVerifier } from './chunk-verifier.ts';
import { createLineReader } from './line-reader.ts';

/** The minimum size of every chunk but the last: the S3 reference, as in `chunk-verifier.ts`. */
const MIN_CHUNK_BYTES = 8192;
const SIGNATURE_TRAILER = 'x-amz-trailer-signature';
const MAX_TRAILERS = 8;

type ChunkedFormat = {
  /** Null if the chunks are not signed. */
  verifier: ChunkVerifier | null;
  /** The names of the headers that follow the last chunk; null if the format has none. */
  trailerNames: readonly string[] | null;
  /** Called for each trailing header, with its lower-case name, after all of them are verified. */
  onTrailer: (name: string, value: string) => void;
};

/**
 * The bytes in an `aws-chunked` body, as they arrive. They are yielded before the signature of their chunk is verified,
 * so they are valid only after the whole iteration. Throws IncompleteBody for a malformed or truncated body,
 * InvalidChunkSizeError, SignatureDoesNotMatch, and MalformedTrailerError.
 */
export async function* readChunks(
  body: AsyncIterable<Buffer>,
  { verifier, trailerNames, onTrailer }: ChunkedFormat,
): AsyncIterable<Buffer> {
  const { readLine, readBytes, requireEnd } = createLineReader(body);
  let smallBytes: number | null = null;
  for (let number = 1; ; number++) {
    const { sizeBytes, signature } = parseChunkHead(await readLine(), verifier !== null);
    if (sizeBytes > 0 && smallBytes !== null) {
      throw new S3Error('InvalidChunkSizeError', undefined, {
        Chunk: String(number - 1),
        BadChunkSize: String(smallBytes),
      });
    }
    if (sizeBytes < MIN_CHUNK_BYTES) smallBytes = sizeBytes;
    for await (const bytes of readBytes(sizeBytes)) {
      verifier?.update(bytes);
      yield bytes;
    }
    verifier?.endChunk(signature);
    if (sizeBytes === 0) break;
    if ((await readLine()) !== '') throw new S3Error('IncompleteBody');
  }
  if (trailerNames === null) {
    if ((await readLine()) !== '') throw new S3Error('IncompleteBody');
  } else {
    for (const [name, value] of await readTrailers(readLine, verifier, trailerNames)) onTrailer(name, value);
  }
  await requireEnd();
}

/** `<size in hex>`, followed by `;chunk-signature=<hex>` if chunks are signed. */
function parseChunkHead(line: string, isSigned: boolean): { sizeBytes: number; signature: string } {
  const [, size, signature] = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line) ?? [];
  if (size === undefined || (signature !== undefined) !== isSigned) throw new S3Error('IncompleteBody');
  return { sizeBytes: Number.parseInt(size, 16), signature: signature ?? '' };
}

async function readTrailers(
  readLine: () => Promise<string>,
  verifier: ChunkVerifier | null,
  expectedNames: readonly string[],
): Promise<Map<string, string>> {
  const trailers = new Map<string, string>();
  for (let line = await readLine(); line !== ''; line = await readLine()) {
    const [, name, value] = /^([A-Za-z0-9-]+):([\x20-\x7e]*)\n?$/.exec(line) ?? [];
    if (name === undefined || value === undefined || trailers.size === MAX_TRAILERS) throw malformed();
    trailers.set(name.toLowerCase(), value.trim());
  }
  const signature = trailers.get(SIGNATURE_TRAILER);
  trailers.delete(SIGNATURE_TRAILER);
  const names = [...trailers.keys()];
  const hasExpectedNames = names.length === expectedNames.length && expectedNames.every((name) => trailers.has(name));
  if (!hasExpectedNames || (signature !== undefined) !== (verifier !== null)) throw malformed();
  const lines = [...trailers].map(([name, value]) => `${name}:${value}\n`);
  verifier?.endTrailer(lines.join(''), signature ?? '');
  return trailers;
}

function malformed(): S3Error {
  return new S3Error('MalformedTrailerError');
}
