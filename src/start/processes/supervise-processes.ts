import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../contract/logger.ts';
import { type ForkedProcess, tellProcess } from './fork-process.ts';

/** A process that ends so soon after its start counts as one that cannot run. */
const LIVED_MS = 60_000;
/** How often in a row a process may do so, before the whole service ends. */
const MOST_FAILURES = 5;
/** The pause before the second replacement in a row, doubled each time; the first one has none. */
const FIRST_PAUSE_MS = 500;

type Supervised = ForkedProcess & {
  /** Whether it was asked to end. */
  isLeaving: boolean;
  /** The process that is started in its place. */
  successor: Supervised | null;
};

/**
 * Starts processes, replaces those that end, and restarts them one after the other.
 * @param fork starts a process; `isFirst`: while no other one serves.
 */
export function superviseProcesses(fork: (number: number, isFirst: boolean) => ForkedProcess, logger: Logger) {
  const all = new Set<Supervised>();
  let isStopping = false;
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});

  function start(number: number, isFirst = false): Supervised {
    const one: Supervised = { ...fork(number, isFirst), isLeaving: false, successor: null };
    all.add(one);
    void one.ended.then(() => all.delete(one));
    // What was sent to it before it served, it may not have heard.
    void one.serves.then(() => isStopping && leave(one, 'stop'));
    return one;
  }

  /** Replaces the process whenever it ends without having been asked to. */
  async function keep(first: Supervised): Promise<void> {
    let failures = 0;
    for (let one = first; ; one = start(one.number)) {
      await one.ended;
      if (one.isLeaving || isStopping) return;
      failures = performance.now() - one.startedAt < LIVED_MS ? failures + 1 : 1;
      const { number, worker } = one;
      const { pid, exitCode, signalCode: signal } = worker.process;
      logger.error({ process: number, pid, exitCode, signal, failures }, 'a process has ended, and is replaced');
      if (failures === MOST_FAILURES) {
        throw new Error(`process ${number} ended ${failures} times in a row, each time soon after its start`);
      }
      if (failures > 1) await sleep(FIRST_PAUSE_MS * 2 ** (failures - 2));
      const isSucceeded = one.successor !== null && (await one.successor.serves) !== null;
      if (isSucceeded || isStopping) return;
    }
  }

  const keepOrFail = (one: Supervised) => void keep(one).catch(fail);

  /** Gives each process a successor. If one does not start, the others stay as they are. */
  async function replaceAll(): Promise<void> {
    const these = [...all].filter(({ isLeaving }) => !isLeaving).sort((a, b) => a.number - b.number);
    for (const old of these) {
      if (isStopping) return;
      const next = start(old.number);
      old.successor = next;
      if ((await next.serves) === null) {
        old.successor = null;
        if (!isStopping) logger.error({ process: old.number }, 'the restart ends here: the new process did not start');
        return;
      }
      keepOrFail(next);
      leave(old, 'replace');
      await old.ended;
    }
    logger.info({ processes: these.length }, 'restarted');
  }

  return {
    /** Rejects when a process ends again and again. */
    failed,
    /**
     * Starts this many processes; all but the first when that one serves.
     * @returns its port; null if it was stopped before.
     * @throws {Error} if it does not start.
     */
    async startAll(processes: number): Promise<number | null> {
      const first = start(1, true);
      const port = await first.serves;
      if (isStopping) return null;
      if (port === null) throw new Error('process 1 did not start; its own error is above');
      keepOrFail(first);
      for (let number = 2; number <= processes; number++) keepOrFail(start(number));
      return port;
    },
    /** Restarts all, one after the other. */
    restart: oneByOne(() => replaceAll().catch(fail)),
    stop(): void {
      isStopping = true;
      for (const one of all) leave(one, 'stop');
    },
    /** Waits until all have ended. */
    async untilEnded(): Promise<void> {
      await Promise.all([...all].map(({ ended }) => ended));
    },
  };
}

function leave(one: Supervised, why: 'stop' | 'replace'): void {
  one.isLeaving = true;
  tellProcess(one.worker, why);
}

/** Runs the task. If it is called meanwhile, the task runs once more afterwards. */
function oneByOne(task: () => Promise<void>): () => Promise<void> {
  let isRunning = false;
  let isAsked = false;
  return async () => {
    isAsked = true;
    if (isRunning) return;
    isRunning = true;
    while (isAsked) {
      isAsked = false;
      await task();
    }
    isRunning = false;
  };
}
