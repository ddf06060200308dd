#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { type Command, EXIT } from './command.ts';

type Entry = { does: string; load: () => Promise<Command> };

/** Each is loaded only when it is called: a client's command needs neither the AWS SDK nor `pg`. */
const SERVICE_COMMANDS: Record<string, Entry> = {
  start: {
    does: 'run the service; without settings on an embedded bucket and database',
    load: async () => (await import('./commands/start.ts')).startCommand,
  },
  migrate: {
    does: 'migrate the database to the newest schema',
    load: async () => (await import('./commands/migrate.ts')).migrateCommand,
  },
  'bucket-setup': {
    does: "compare the bucket's settings with the service's, and with --yes change them",
    load: async () => (await import('./commands/bucket-setup.ts')).bucketSetupCommand,
  },
  doctor: {
    does: 'test bucket, database and keys, and say how to fix what fails; explain a token',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
  sweep: {
    does: 'compare bucket and database now, and remove what is left over',
    load: async () => (await import('./commands/sweep.ts')).sweepCommand,
  },
  rebuild: {
    does: 'recreate lost rows of files from the objects in the bucket',
    load: async () => (await import('./commands/rebuild.ts')).rebuildCommand,
  },
  rekey: {
    does: 'encrypt files again with the newest master key',
    load: async () => (await import('./commands/rekey.ts')).rekeyCommand,
  },
  import: {
    does: "make files of another program's objects in the bucket",
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  audit: {
    does: 'seal, verify or export the audit log; drop old rows of it',
    load: async () => (await import('./commands/audit.ts')).auditCommand,
  },
  webhooks: {
    does: 'list webhooks that were not delivered, or send them again',
    load: async () => (await import('./commands/webhooks.ts')).webhooksCommand,
  },
  token: {
    does: 'mint a token for a user',
    load: async () => (await import('./commands/token.ts')).tokenCommand,
  },
};

const CLIENT_COMMANDS: Record<string, Entry> = {
  upload: {
    does: 'upload files and folders; resumes what was interrupted',
    load: async () => (await import('./commands/upload.ts')).uploadCommand,
  },
  ls: { does: 'list files', load: async () => (await import('./commands/ls.ts')).lsCommand },
  get: {
    does: 'download a file; resumes what was interrupted',
    load: async () => (await import('./commands/get.ts')).getCommand,
  },
  rm: { does: 'delete files', load: async () => (await import('./commands/rm.ts')).rmCommand },
  held: {
    does: 'list files that wait for a verdict, and judge them',
    load: async () => (await import('./commands/held.ts')).heldCommand,
  },
  usage: {
    does: 'print how much is stored, and the quota',
    load: async () => (await import('./commands/usage.ts')).usageCommand,
  },
};

const OTHER_COMMANDS: Record<string, Entry> = {
  completion: {
    does: 'print a script with which bash, zsh or fish completes commands and options',
    load: async () => (await import('./commands/completion.ts')).completionOf(COMMANDS),
  },
};

const COMMANDS = { ...SERVICE_COMMANDS, ...CLIENT_COMMANDS, ...OTHER_COMMANDS };

const listed = (commands: Record<string, Entry>) =>
  Object.entries(commands)
    .map(([name, { does }]) => `  ${name.padEnd(13)} ${does}`)
    .join('\n');

const HELP = `usage: signpost <command> [options]

The service, on the settings of the environment and of .env:
${listed(SERVICE_COMMANDS)}

A client of a running service. SIGNPOST is its address, TOKEN the bearer token:
${listed(CLIENT_COMMANDS)}

For the shell:
${listed(OTHER_COMMANDS)}

signpost <command> --help explains a command; signpost --version prints the version.
Without a command, signpost starts the service.`;

const [first = 'start', ...others] = process.argv.slice(2);
// `signpost help upload` is `signpost upload --help`.
const [name = first, ...args] = first === 'help' && others.length > 0 ? [others[0], '--help'] : [first, ...others];
const entry = Object.entries(COMMANDS).find(([each]) => each === name)?.[1];

if (name === '--help' || name === '-h' || name === 'help') {
  console.log(HELP);
} else if (name === '--version') {
  console.log(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
} else if (entry === undefined) {
  console.error(`"${name}" is not a command\n\n${HELP}`);
  process.exit(EXIT.badUsage);
} else {
  await (await entry.load())(args);
}
