import { hash } from 'node:crypto';
import * as z from 'zod';

/** The first line of a migration that is not one transaction; see `migrateDatabase`. */
const STEPWISE = '-- migrate: statement by statement';

export type Migration = {
  /** `0004_find_files`. */
  tag: string;
  /** Milliseconds since 1970; they are applied in this order. */
  when: number;
  hash: string;
  statements: readonly string[];
  isStepwise: boolean;
};

const journal = z.object({ entries: z.array(z.object({ when: z.number(), tag: z.string() })) });

type MigrationFile = Pick<Migration, 'tag' | 'when'> & { text: string };

/** Put in by `scripts/build.mjs`: an app's bundler, a Worker or a Lambda leaves no folder beside the code. */
declare const BUNDLED_MIGRATIONS: readonly MigrationFile[] | undefined;

/**
 * The migrations of a folder that `drizzle-kit generate` wrote.
 * @param folder default: the package's own.
 * @throws {Error} if a file is missing.
 */
export async function readMigrations(folder?: string): Promise<Migration[]> {
  const isBundled = folder === undefined && typeof BUNDLED_MIGRATIONS !== 'undefined';
  const files = isBundled ? BUNDLED_MIGRATIONS : await readFolder(folder);
  return files.map(({ tag, when, text }) => ({
    tag,
    when,
    hash: hash('sha256', text),
    isStepwise: text.startsWith(STEPWISE),
    statements: text.split('--> statement-breakpoint'),
  }));
}

async function readFolder(folder: string | undefined): Promise<MigrationFile[]> {
  const [{ readFile }, { join }, { fileURLToPath }] = await Promise.all([
    import('node:fs/promises'),
    import('node:path'),
    import('node:url'),
  ]);
  // Not by `new URL('…', import.meta.url)`, which bundlers take for a file to bundle.
  const from = folder ?? fileURLToPath(import.meta.url.replace(/src\/db\/[^/]*$/, 'drizzle'));
  const { entries } = journal.parse(JSON.parse(await readFile(join(from, 'meta/_journal.json'), 'utf8')));
  return Promise.all(
    entries.map(async ({ tag, when }) => ({ tag, when, text: await readFile(join(from, `${tag}.sql`), 'utf8') })),
  );
}
