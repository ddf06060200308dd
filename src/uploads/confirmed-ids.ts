/** How many ids are remembered: in about a megabyte. */
const MAX_IDS = 10_000;

/** The files that this instance has confirmed last. */
export type ConfirmedIds = { has(fileId: string): boolean; add(fileId: string): void };

/**
 * Lets a repeated confirmation ask for less: after a lost answer, or of the client after the bucket's event. It is only
 * a guess; the row decides.
 */
export function createConfirmedIds(): ConfirmedIds {
  const ids = new Set<string>();
  return {
    has: (fileId) => ids.has(fileId),
    add(fileId) {
      ids.add(fileId);
      const [oldest] = ids;
      if (oldest !== undefined && ids.size > MAX_IDS) ids.delete(oldest);
    },
  };
}
