import { createFiles, type FileQuery } from '../../src/client/create-signpost.ts';
import { formatBytes } from '../../src/page/format.ts';
import { EXIT, UsageError } from '../command.ts';
import { defineRemoteCommand, QUICK_ATTEMPTS, REMOTE_USAGE } from '../remote.ts';

const usage = `usage: signpost ls [options]

Lists the files of the token's user, newest first: id, time, size, type and name, with a tab between them.
  --record <id>     only files of this record
  --document <type> only files of this document type
  --type <type>     only files of this content type: application/pdf, image/*
  --name <text>     only files whose name contains this text
  --status <status> active, held, archived or rejected. Default active
  --sort <field>    createdAt, fileName or size; with - before it, descending. Default -createdAt
  --limit <number>  at most so many files. Default all
  --json            prints each file's answer, a line each

${REMOTE_USAGE}
Exit code: 0 listed, 2 the service does not answer or refuses, 64 wrong arguments.`;

const text = { type: 'string' } as const;
const options = {
  record: text,
  document: text,
  type: text,
  name: text,
  status: { type: 'string', default: 'active' },
  sort: { type: 'string', default: '-createdAt' },
  limit: text,
  json: { type: 'boolean', default: false },
} as const;

const SORTS = ['createdAt', '-createdAt', 'fileName', '-fileName', 'size', '-size'] as const;
const STATUSES = ['active', 'held', 'archived', 'rejected'] as const;
const PAGE_FILES = 100;

export const lsCommand = defineRemoteCommand({ usage, options }, async (service, { values }) => {
  const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : Number(values.limit);
  if (!(limit > 0) || (values.limit !== undefined && !Number.isInteger(limit))) {
    throw new UsageError('--limit takes a number, 1 or more');
  }
  const sort = SORTS.find((each) => each === values.sort);
  if (sort === undefined) throw new UsageError(`--sort takes one of ${SORTS.join(', ')}`);
  const status = STATUSES.find((each) => each === values.status);
  if (status === undefined) throw new UsageError(`--status takes one of ${STATUSES.join(', ')}`);
  const query: FileQuery = {
    recordId: values.record,
    documentType: values.document,
    contentType: values.type,
    q: values.name,
    sort,
    status,
    limit: Math.min(limit, PAGE_FILES),
  };
  let left = limit;
  for await (const { files } of createFiles({ ...service, maxAttempts: QUICK_ATTEMPTS }).list(query)) {
    for (const file of files.slice(0, left)) {
      const { fileId, createdAt, size, contentType, fileName } = file;
      console.log(
        values.json ? JSON.stringify(file) : [fileId, createdAt, formatBytes(size), contentType, fileName].join('\t'),
      );
    }
    left -= files.length;
    if (left <= 0) break;
  }
  return EXIT.holds;
});
