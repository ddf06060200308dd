import { type Mismatch, PROBLEMS, Problem } from '../contract/errors.ts';
import type { BucketLister, ListedObject } from '../storage/list-bucket.ts';
import { type EachOptions, eachObject } from './each-object.ts';

/** An object for a person to look at. */
export type Finding = { key: string; reasons: readonly Mismatch[] };

/** A run over the objects of a bucket that verifies them and removes none. */
export type Examination = Omit<EachOptions<never>, 'note'> & { report: (finding: Finding) => void };

/**
 * The objects under a prefix, in pages of at most 1,000.
 * @throws as `BucketLister`, and the signal's reason.
 */
export async function* eachPage(
  lister: BucketLister,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ListedObject[]> {
  let afterKey: string | null = null;
  do {
    signal.throwIfAborted();
    const { objects, isLast }: Awaited<ReturnType<BucketLister['objects']>> = await lister.objects(prefix, afterKey);
    yield objects;
    afterKey = isLast ? null : (objects.at(-1)?.key ?? null);
  } while (afterKey !== null);
}

/** As `eachObject`; an object that changed meanwhile counts as a failure and is reported, too. */
export async function examineEach<T extends { key: string }>(
  examination: Examination,
  these: readonly T[],
  task: (one: T) => Promise<void>,
): Promise<void> {
  const { failures, report } = examination;
  await eachObject(these, { ...examination, note: async () => {} }, async (one) => {
    try {
      await task(one);
    } catch (error) {
      // It changed meanwhile, or too many objects are being hashed: the next run finds it again.
      if (!(error instanceof Problem) || PROBLEMS[error.code].status >= 500) throw error;
      failures.count++;
      report({ key: one.key, reasons: [{ path: '', message: error.message }] });
    }
    return true;
  });
}
