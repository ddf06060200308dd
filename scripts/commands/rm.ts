import { createFiles } from '../../src/client/create-signpost.ts';
import { EXIT, UsageError } from '../command.ts';
import { defineRemoteCommand, exitCodeOf, explain, QUICK_ATTEMPTS, REMOTE_USAGE } from '../remote.ts';

const usage = `usage: signpost rm <file id>...

Deletes files. Prints the id of each file that is deleted.

${REMOTE_USAGE}
Exit code: 0 all are deleted, 1 a file could not be deleted, 2 the service does not answer, 64 wrong arguments.`;

export const rmCommand = defineRemoteCommand(
  { usage, allowPositionals: true },
  async (service, { positionals: fileIds }) => {
    if (fileIds.length === 0) throw new UsageError('expected one file id or more');
    const files = createFiles({ ...service, maxAttempts: QUICK_ATTEMPTS });
    let code: number = EXIT.holds;
    for (const fileId of fileIds) {
      try {
        await files.remove(fileId);
        console.log(fileId);
      } catch (error) {
        console.error(`${fileId}: ${explain(error)}`);
        code = Math.max(code, exitCodeOf(error));
      }
    }
    return code;
  },
);
