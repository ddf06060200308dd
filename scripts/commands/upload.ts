import { basename } from 'node:path';
import mime from 'mime';
import { cleanText } from '../../src/client/clean-text.ts';
import { createSignpost, SignpostError, type UploadOptions } from '../../src/client/create-signpost.ts';
import { EXIT, UsageError } from '../command.ts';
import { fetchFromDisk } from '../fetch-from-disk.ts';
import { findLocalFiles, type LocalFile } from '../find-local-files.ts';
import { openLocalFile } from '../open-local-file.ts';
import { createProgressBar } from '../progress-bar.ts';
import { defineRemoteCommand, exitCodeOf, explain, REMOTE_USAGE } from '../remote.ts';
import { openUploadMemory, uploadMemoryPath } from '../upload-memory-file.ts';

const usage = `usage: signpost upload <file or folder>... [options]

Uploads files, and all files in folders; prints each file's id and path. Large files are sent in parts: after Ctrl-C or
a lost connection, the same command sends only the parts that are missing. Of a folder's files, the path below it is
kept in the metadata "path".
  --record <id>          the record that the files belong to
  --document <type>      their document type
  --meta <name>=<value>  their metadata; may be repeated
  --content-type <type>  their content type. Default: by the name's ending
  --name <name>          the name to store one file under. Default: its own
  --checksum             sends SHA-256 checksums, for the bucket to verify
  --parallel <number>    files at a time, 1 to 16. Default 3
  --json                 prints each file's answer, a line each; of one that failed, its path and error

${REMOTE_USAGE}
Exit code: 0 all are uploaded and verified, 1 a file was refused or could not be read, 2 the service or the bucket does
not answer, 64 wrong arguments, 130 stopped.`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  record: text,
  document: text,
  'content-type': text,
  name: text,
  checksum: flag,
  json: flag,
  meta: { type: 'string', multiple: true, default: [] as string[] },
  parallel: { type: 'string', default: '3' },
} as const;

export const uploadCommand = defineRemoteCommand(
  { usage, options, allowPositionals: true },
  async (service, { positionals, values }) => {
    if (positionals.length === 0) throw new UsageError('expected a file or a folder');
    const parallelFiles = Number(values.parallel);
    if (!/^\d{1,2}$/.test(values.parallel) || parallelFiles < 1 || parallelFiles > 16) {
      throw new UsageError('--parallel takes a number from 1 to 16');
    }
    const metadata = Object.fromEntries(values.meta.map(parsePair));
    const { files, unreadable } = await findLocalFiles(positionals);
    if (values.name !== undefined && files.length + unreadable.length !== 1)
      throw new UsageError('--name is for one file');

    process.once('SIGINT', () => {
      console.error('\nstopped: repeat the command to continue with the missing parts');
      process.exit(EXIT.interrupted);
    });
    const signpost = createSignpost({
      ...service,
      parallelFiles,
      fetch: fetchFromDisk,
      storage: openUploadMemory(uploadMemoryPath()),
    });
    const bar = createProgressBar(
      files.length === 1 ? basename(files[0]?.path ?? '') : `${files.length} files`,
      totalOf(files),
    );
    let totalSent = 0;
    const queue = [...files];
    let code: number = EXIT.holds;

    const report = (path: string, error: unknown) => {
      if (values.json) console.log(JSON.stringify({ path, error: describe(error) }));
      else console.error(`${path}: ${explain(error)}`);
      code = Math.max(code, exitCodeOf(error));
    };
    for (const { path, error } of unreadable) report(path, error);

    const uploadOne = async (file: LocalFile) => {
      let sent = 0;
      const uploadOptions: UploadOptions = {
        fileName: values.name ?? basename(file.path),
        contentType: values['content-type'] ?? mime.getType(file.path) ?? 'application/octet-stream',
        recordId: values.record,
        documentType: values.document,
        checksum: values.checksum,
        metadata: { ...(file.folderPath !== null && { path: cleanText(file.folderPath) }), ...metadata },
        onProgress: ({ sentBytes }) => {
          totalSent += sentBytes - sent;
          sent = sentBytes;
          bar.show(totalSent);
        },
      };
      try {
        const stored = await signpost.upload(openLocalFile(file), uploadOptions);
        bar.clear();
        console.log(values.json ? JSON.stringify(stored) : `${stored.fileId}\t${file.path}`);
      } catch (error) {
        bar.clear();
        report(file.path, error);
      }
    };
    const work = async () => {
      for (let file = queue.shift(); file !== undefined && code !== EXIT.failed; file = queue.shift()) {
        await uploadOne(file);
      }
    };
    await Promise.all(Array.from({ length: parallelFiles }, work));
    if (queue.length > 0) console.error(`${queue.length} more files were not tried`);
    return code;
  },
);

function totalOf(files: readonly LocalFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

/** @throws {UsageError} if it is not `name=value`. */
function parsePair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at < 1) throw new UsageError(`--meta takes <name>=<value>, not "${pair}"`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function describe(error: unknown) {
  if (!(error instanceof SignpostError)) return { code: 'failed', detail: explain(error) };
  const { code, status, detail, errors, requestId } = error;
  return { code, status, detail, errors, requestId };
}
