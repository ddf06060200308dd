import { createCallService } from '../../src/client/call-service.ts';
import { formatBytes } from '../../src/page/format.ts';
import type { HeldFilePage } from '../../src/start/library-calls.ts';
import { EXIT, UsageError } from '../command.ts';
import { defineRemoteCommand, REMOTE_USAGE } from '../remote.ts';

const usage = `usage: signpost held list [--owner <user>] [--json]
       signpost held clean <owner> <file id> [--by <name>]
       signpost held reject <owner> <file id> --reason <text> [--by <name>]

list prints the files of all users that wait for a verdict, oldest first: owner, id, time, size, type and name, with a
tab between them. clean makes a file active. reject removes its bytes; its owner can read the reason.
  --owner <user>    only files of this user
  --json            prints each file's answer, a line each
  --by <name>       the person or the program behind the verdict

The token needs the scope files:judge. ${REMOTE_USAGE}
Exit code: 0 listed, or judged; 2 the service does not answer or refuses, 64 wrong arguments.`;

const text = { type: 'string' } as const;

export const heldCommand = defineRemoteCommand(
  {
    usage,
    allowPositionals: true,
    words: ['list', 'clean', 'reject'],
    options: { owner: text, reason: text, by: text, json: { type: 'boolean', default: false } },
  },
  async (service, { positionals: [command, owner, fileId, ...more], values: { owner: only, reason, by, json } }) => {
    const { signal } = new AbortController();
    if (command === 'list' && owner === undefined) {
      const call = createCallService({ ...service, fetch });
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = new URLSearchParams({
          ...(only !== undefined && { ownerId: only }),
          ...(cursor !== '' && { cursor }),
        });
        const page: HeldFilePage = await call<HeldFilePage>(`/held-files?${query}`, undefined, signal, 'GET');
        for (const file of page.files) {
          const { ownerId, createdAt, size, contentType, fileName } = file;
          const line = [ownerId, file.fileId, createdAt, formatBytes(size), contentType, fileName].join('\t');
          console.log(json ? JSON.stringify(file) : line);
        }
        cursor = page.nextCursor;
      }
      return EXIT.holds;
    }
    const isVerdict = command === 'clean' || command === 'reject';
    if (!isVerdict || owner === undefined || fileId === undefined || more.length > 0) {
      throw new UsageError('expected "list", or "clean" or "reject" with an owner and a file id');
    }
    if (command === 'reject' && reason === undefined) throw new UsageError('reject takes --reason');
    const call = createCallService({
      ...service,
      fetch: (input, init) => {
        const headers = new Headers(init?.headers);
        // The service reads UTF-8; a header takes one character per byte.
        headers.set('x-on-behalf-of', Buffer.from(owner).toString('latin1'));
        return fetch(input, { ...init, headers });
      },
    });
    const verdict = command === 'clean' ? 'clean' : 'rejected';
    await call(`/files/${encodeURIComponent(fileId)}/verdict`, { verdict, reason, by }, signal);
    console.log(fileId);
    return EXIT.holds;
  },
);
