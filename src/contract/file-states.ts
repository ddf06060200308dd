/** The states of a file's row, in the order of its life. */
export const FILE_STATE_NAMES = ['held', 'active', 'archived', 'rejected', 'deleted', 'refused'] as const;
export type FileState = (typeof FILE_STATE_NAMES)[number];

/** The state of a newly confirmed file, and the default filter of lists. */
export const NEW_FILE_STATE = 'active' satisfies FileState;

/** The state of a newly confirmed file that waits for a verdict: `HOLD_UPLOADS`. */
export const HELD_STATE = 'held' satisfies FileState;

/** What a judge says of a held file. */
export const VERDICTS = ['clean', 'rejected'] as const;
export type VerdictName = (typeof VERDICTS)[number];

/** What a judge said of a held file. */
export type Verdict = {
  verdict: VerdictName;
  /** Why; always there for `rejected`. */
  reason: string | null;
  /** The person or the program behind it, as the judge names it. */
  by: string | null;
  /** ISO 8601. */
  at: string;
};

/** The state after each verdict. */
export const STATE_OF_VERDICT = {
  clean: NEW_FILE_STATE,
  rejected: 'rejected',
} as const satisfies Record<VerdictName, FileState>;

/** The owner's actions that change a file's state. */
export const FILE_STEPS = ['archive', 'restore', 'delete'] as const;
export type FileStep = (typeof FILE_STEPS)[number];

/** The state after each action. */
export const STATE_AFTER = {
  archive: 'archived',
  restore: 'active',
  delete: 'deleted',
} as const satisfies Record<FileStep, FileState>;

type StateTraits = {
  /** `GET /files` can list it. */
  isListed: boolean;
  /** Its bytes can be read, by a presigned URL or through the service. */
  isDownloadable: boolean;
  /** `PATCH` may change it. */
  isChangeable: boolean;
  /** Its size and number count for the quota, in a database trigger. */
  countsForQuota: boolean;
  /** The row is not a file, or no longer one: no answer shows it, and no step leads out of it. */
  isFinal: boolean;
  /**
   * What the sweeper does with its object: `stays`; `waits`, and is removed after `DELETE_AFTER_SECONDS`; `goes` at
   * once, whatever was uploaded for its id. Unless it stays, `deleted_at` has the state's time.
   */
  object: 'stays' | 'waits' | 'goes';
  /** The allowed steps; a step to the current state changes nothing. Any other step is a `conflict`. */
  takes: Record<FileStep, boolean>;
};

/**
 * All differences between the states. The queries, the database's checks, the routes and the sweeper read this table;
 * tests compare it with the documentation's table of a file's life, the quota's trigger and the index of names. A new
 * state also needs a migration: `npm run db:generate` writes the checks; write the trigger and the index by hand.
 */
export const FILE_STATES = {
  /** Confirmed, and not yet judged. */
  held: {
    isListed: true,
    isDownloadable: false,
    isChangeable: true,
    countsForQuota: true,
    isFinal: false,
    object: 'stays',
    takes: { archive: false, restore: false, delete: true },
  },
  active: {
    isListed: true,
    isDownloadable: true,
    isChangeable: true,
    countsForQuota: true,
    isFinal: false,
    object: 'stays',
    takes: { archive: true, restore: false, delete: true },
  },
  archived: {
    isListed: true,
    isDownloadable: false,
    isChangeable: true,
    countsForQuota: true,
    isFinal: false,
    object: 'stays',
    takes: { archive: true, restore: true, delete: true },
  },
  /** Its bytes are gone, or soon will be. The row stays, to say why, until the owner deletes it. */
  rejected: {
    isListed: true,
    isDownloadable: false,
    isChangeable: false,
    countsForQuota: false,
    isFinal: false,
    object: 'goes',
    takes: { archive: false, restore: false, delete: true },
  },
  deleted: {
    isListed: false,
    isDownloadable: false,
    isChangeable: false,
    countsForQuota: false,
    isFinal: true,
    object: 'waits',
    takes: { archive: false, restore: false, delete: false },
  },
  /** Refused, aborted or never confirmed: the id can never become a file. */
  refused: {
    isListed: false,
    isDownloadable: false,
    isChangeable: false,
    countsForQuota: false,
    isFinal: true,
    object: 'goes',
    takes: { archive: false, restore: false, delete: false },
  },
} as const satisfies Record<FileState, StateTraits>;

/** The states with this value of a trait. */
export type StatesWith<Trait extends keyof StateTraits, Value extends StateTraits[Trait]> = {
  [State in FileState]: (typeof FILE_STATES)[State][Trait] extends Value ? State : never;
}[FileState];

/** The states with this value of a trait, in the order of a file's life. */
export function statesWith<Trait extends keyof StateTraits, const Value extends StateTraits[Trait]>(
  trait: Trait,
  value: Value,
): StatesWith<Trait, Value>[] {
  const has = (state: FileState): state is StatesWith<Trait, Value> => FILE_STATES[state][trait] === value;
  return FILE_STATE_NAMES.filter(has);
}

/** The states that have a step to another state. */
export function statesBefore(step: FileStep): FileState[] {
  return FILE_STATE_NAMES.filter((state) => state !== STATE_AFTER[step] && FILE_STATES[state].takes[step]);
}

/** Why a file in this state cannot be downloaded, and which step would change that. */
export function whyNotDownloadable(state: FileState): string {
  const leadsThere = (step: FileStep) => FILE_STATES[STATE_AFTER[step]].isDownloadable;
  const step = FILE_STEPS.find((step) => leadsThere(step) && FILE_STATES[state].takes[step]);
  return step === undefined ? `the file is ${state}` : `the file is ${state}: ${step} it first`;
}
