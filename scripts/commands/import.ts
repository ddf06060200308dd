import { label } from '../../src/contract/fields.ts';
import { toUserId } from '../../src/contract/object-key.ts';
import { type ImportResult, importFiles } from '../../src/jobs/import-files.ts';
import { defineServiceCommand, EXIT, UsageError } from '../command.ts';
import { onServices, printCounts, printFinding } from '../on-services.ts';

const usage = `usage: signpost import --prefix <prefix> --owner <id> [--record-id <id>] [--document-type <type>]
                       [--dry-run] [--json]

Makes files of objects that are in the bucket under keys of another program: verifies each as a confirmation does,
copies it within the bucket to a key of the owner, and stores its row. Changes and removes no object that was there. May
be repeated: it skips what it has imported, and imports what is new. docs/operating.md, "Importing".
  --prefix         the prefix of the keys to import; '' for the whole bucket
  --owner          the user, or the owner by JWT_OWNER_CLAIM, whose files they become
  --record-id      a record id for all of them
  --document-type  a document type for all of them: its limits in UPLOAD_POLICIES apply
  --dry-run        verifies and counts, and changes nothing
  --json           prints a line of JSON for each object (its key, what became of it, the file's id), then the counts

Exit code: 0 every object is a file; 1 objects were rejected or could not be read, or, in a dry run, are not files yet;
2 it could not read the bucket or the database; 64 wrong arguments.`;

const IMPORT_LEASE = 'import';

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = { prefix: text, owner: text, 'record-id': text, 'document-type': text, 'dry-run': flag, json: flag };

export const importCommand = defineServiceCommand({ usage, options, mayBeEmpty: ['prefix'] }, (config, { values }) => {
  const { prefix, 'dry-run': dryRun, json } = values;
  const owner = toUserId(values.owner);
  if (prefix === undefined) throw new UsageError("--prefix is required; '' imports all of the bucket");
  if (owner === null) throw new UsageError('--owner is required: a user id, as in tokens');
  const target = {
    owner,
    recordId: labelOf('--record-id', values['record-id']),
    documentType: labelOf('--document-type', values['document-type']),
  };
  const report = (result: ImportResult) => {
    if (json) console.log(JSON.stringify(result));
    else if ('reasons' in result) printFinding(result.key, result.reasons);
    else if (result.result === 'imported' && result.metadataLost) {
      printFinding(result.key, [{ path: 'metadata', message: 'does not fit, and is left out' }]);
    }
  };
  return onServices(config, async (services, stopping) => {
    const counts = await services.exclusively(IMPORT_LEASE, (lease) =>
      importFiles({ ...services, files: services.filesWithoutQuota }, prefix, target, {
        dryRun,
        report,
        signal: AbortSignal.any([stopping, lease.signal]),
      }),
    );
    if (counts === null) throw new Error('another import is running now: try again later');
    if (json) console.log(JSON.stringify({ counts }));
    else {
      printCounts(counts);
      if (dryRun) console.log('dry run: nothing was changed');
    }
    const open = counts.rejected + counts.failed + (dryRun ? counts.imported : 0);
    return open > 0 ? EXIT.found : EXIT.holds;
  });
});

function labelOf(name: string, value: string | undefined): string | null {
  if (value === undefined) return null;
  const { success, error } = label.safeParse(value);
  if (!success) throw new UsageError(`${name} ${error.issues[0]?.message}`);
  return value;
}
