import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { createFiles, type Files, type StoredFile } from '../../src/client/create-signpost.ts';
import { EXIT, UsageError } from '../command.ts';
import { createProgressBar } from '../progress-bar.ts';
import { defineRemoteCommand, exitCodeOf, explain, QUICK_ATTEMPTS, REMOTE_USAGE } from '../remote.ts';

const usage = `usage: signpost get <file id> [-o <file>] [--json]

Downloads a file. What has arrived is kept in <file>.part: the same command goes on from there after Ctrl-C or a lost
connection.
  -o, --output  the file to write, or an existing folder. Default: the file's own name, in this folder; - writes to
                standard output
  --force       replaces an existing file
  --json        prints the file's answer
  --through-service
                reads from the service instead of from the bucket: for one with PROXY_DOWNLOADS=only

${REMOTE_USAGE}
Exit code: 0 downloaded, 1 not downloaded (no such file, exists already, its checksum differs), 2 the service or the
bucket does not answer, 64 wrong arguments, 130 stopped.`;

const MAX_NAME_BYTES = 255;

const flag = { type: 'boolean', default: false } as const;
const output = { type: 'string', short: 'o' } as const;
const options = { output, force: flag, json: flag, 'through-service': flag } as const;

export const getCommand = defineRemoteCommand(
  { usage, options, allowPositionals: true },
  async (service, { positionals, values }) => {
    const { output, force, json, 'through-service': throughService } = values;
    const [fileId] = positionals;
    if (fileId === undefined || positionals.length > 1) throw new UsageError('expected one file id');
    process.once('SIGINT', () => process.exit(EXIT.interrupted));
    const files = createFiles({ ...service, maxAttempts: QUICK_ATTEMPTS, throughService });
    try {
      const file = await files.get(fileId);
      if (output === '-') {
        await files.downloadTo(fileId, Writable.toWeb(process.stdout));
        return EXIT.holds;
      }
      const path = await pathFor(file, output);
      if (!force && (await sizeOf(path)) !== null) throw new Error(`${path} exists already: --force replaces it`);
      await downloadInto(files, file, path);
      if (json) console.log(JSON.stringify(file));
      else console.error(path);
      return EXIT.holds;
    } catch (error) {
      console.error(`${fileId}: ${explain(error)}`);
      return exitCodeOf(error);
    }
  },
);

async function downloadInto(files: Files, file: StoredFile, path: string): Promise<void> {
  const part = partOf(path, file);
  const start = (await sizeOf(part)) ?? 0;
  if (start > file.size) throw await notTheFile(path, part, 'there is more of it than the file has');
  const bar = createProgressBar(basename(path), file.size);
  const stream = createWriteStream(part, { flags: 'a' });
  const onProgress = ({ sentBytes }: { sentBytes: number }) => bar.show(start + sentBytes);
  try {
    await files.downloadTo(file.fileId, Writable.toWeb(stream), { start, onProgress });
  } finally {
    bar.clear();
  }
  await sync(part);
  // Two downloads at the same time may have written into it.
  if ((await sizeOf(part)) !== file.size) throw await notTheFile(path, part, 'its size differs');
  if (file.checksumSha256 !== null && !(await hasChecksum(part, file.checksumSha256))) {
    throw await notTheFile(path, part, 'its SHA-256 differs');
  }
  await rename(part, path);
}

/** The etag is in the name, so that two versions are never mixed. A long name is cut: file systems allow 255 bytes. */
function partOf(path: string, { etag }: StoredFile): string {
  const suffix = `.${etag.replaceAll(/\W/g, '').slice(0, 12)}.part`;
  const name = Buffer.from(basename(path))
    .subarray(0, MAX_NAME_BYTES - suffix.length)
    .toString();
  // A letter that was cut in two has become U+FFFD.
  return join(dirname(path), name.replace(/\ufffd+$/, '') + suffix);
}

async function notTheFile(path: string, part: string, why: string): Promise<Error> {
  await rm(part, { force: true });
  return new Error(`${path}: what has arrived is not the file: ${why}. Download it again`);
}

/** A file that was uploaded in parts has a checksum of its parts' checksums, which cannot be compared. */
async function hasChecksum(path: string, checksumSha256: string): Promise<boolean> {
  if (checksumSha256.includes('-')) return true;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('base64') === checksumSha256;
}

/** The name is another's text: only its last segment is used, so that it cannot lead out of the folder. */
async function pathFor(file: StoredFile, output: string | undefined): Promise<string> {
  const name = basename(file.fileName).replaceAll(/[\\/]/g, '_');
  const safe = ['', '.', '..'].includes(name) ? file.fileId : name;
  if (output === undefined) return safe;
  const found = await stat(output).catch(() => null);
  if (found?.isDirectory()) return join(output, safe);
  // A device or a pipe would be replaced by the file.
  if (found?.isFile() === false) throw new Error(`${output} is not a file; -o - writes to standard output`);
  if (found === null && output.endsWith('/')) throw new Error(`${output} is not a folder`);
  return output;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  await handle.sync();
  await handle.close();
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ size }) => size,
    () => null,
  );
}
