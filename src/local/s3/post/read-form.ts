import { S3Error } from '../s3-error.ts';

/** A form up to its file. */
type PostForm = {
  /** By lower-case name; values are text, decoded as UTF-8. */
  fields: ReadonlyMap<string, string>;
  /** The last segment of the file name that the browser sent, after any `/` or `\`. */
  fileName: string;
  /** The bytes of the file; reading them to the end also discards the rest of the form. Can be read once. */
  file: AsyncIterable<Buffer>;
};

/** The maximum size of everything before the file (S3 reference, "POST Object"). */
const MAX_FIELDS_BYTES = 20 * 1024;

/**
 * Reads a multipart/form-data body (RFC 7578) up to the field `file`; its bytes pass through as they arrive. Throws
 * MalformedPOSTRequest, MaxPostPreDataLengthExceeded for more than 20 KiB before the file, and InvalidArgument for a
 * repeated field or a missing file.
 */
export async function readForm(contentType: string, body: AsyncIterable<Buffer>): Promise<PostForm> {
  const delimiter = Buffer.from(`\r\n--${readBoundary(contentType)}`, 'latin1');
  const chunks = body[Symbol.asyncIterator]();
  // Every delimiter begins with a line break; clients omit the first one, so it is added here.
  let buffer: Buffer = Buffer.from('\r\n');
  let fieldsBytes = 0;

  async function fill(): Promise<void> {
    const { value, done } = await chunks.next();
    if (done) throw new S3Error('MalformedPOSTRequest');
    buffer = Buffer.concat([buffer, value]);
  }

  /** The bytes before `end`; skips `end`. */
  async function readUntil(end: Buffer | string): Promise<Buffer> {
    for (let at = -1; ; await fill()) {
      at = buffer.indexOf(end);
      const size = at === -1 ? buffer.length : at + end.length;
      if (fieldsBytes + size > MAX_FIELDS_BYTES) throw new S3Error('MaxPostPreDataLengthExceeded');
      if (at === -1) continue;
      const found = buffer.subarray(0, at);
      buffer = buffer.subarray(size);
      fieldsBytes += size;
      return found;
    }
  }

  async function* readFile(): AsyncIterable<Buffer> {
    for (let at = -1; at === -1; ) {
      at = buffer.indexOf(delimiter);
      // The buffer may end with the beginning of a delimiter.
      const size = at === -1 ? buffer.length - delimiter.length + 1 : at;
      if (size > 0) yield buffer.subarray(0, size);
      buffer = buffer.subarray(Math.max(0, size));
      if (at === -1) await fill();
    }
    while (!(await chunks.next()).done);
  }

  const fields = new Map<string, string>();
  await readUntil(delimiter);
  for (;;) {
    const afterDelimiter = await readUntil('\r\n');
    if (afterDelimiter.toString().startsWith('--')) {
      throw new S3Error('InvalidArgument', 'POST requires exactly one file upload per request.', {
        ArgumentName: 'file',
      });
    }
    // A part without headers would begin with the empty line itself.
    const { name, fileName } = readDisposition(await readUntil('\r\n\r\n'));
    if (name === 'file') return { fields, fileName: fileName.replace(/^.*[/\\]/s, ''), file: readFile() };
    if (fields.has(name)) {
      throw new S3Error('InvalidArgument', `The form has the field ${name} twice.`, { ArgumentName: name });
    }
    fields.set(name, decode(await readUntil(delimiter)));
  }
}

function readBoundary(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70})(?=\s*(?:;|$)))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw new S3Error('MalformedPOSTRequest');
  return boundary;
}

function readDisposition(head: Buffer): { name: string; fileName: string } {
  const line = decode(head)
    .split('\r\n')
    .find((header) => /^content-disposition:\s*form-data\s*;/i.test(header));
  const name = readParameter(line, 'name')?.toLowerCase();
  if (name === undefined) throw new S3Error('MalformedPOSTRequest');
  return { name, fileName: readParameter(line, 'filename') ?? '' };
}

/** Browsers write a quote as `%22` (the HTML standard, "Multipart form data"), others as `\"`. */
function readParameter(line: string | undefined, name: string): string | undefined {
  const pattern = new RegExp(`;\\s*${name}=(?:"((?:\\\\"|[^"])*)"|([^\\s;"]+))`, 'i');
  const [, quoted, plain] = pattern.exec(line ?? '') ?? [];
  return quoted?.replaceAll('\\"', '"').replaceAll('%22', '"') ?? plain;
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new S3Error('MalformedPOSTRequest');
  }
}
