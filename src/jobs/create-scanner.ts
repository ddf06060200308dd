import { causeOf } from '../contract/errors.ts';
import type { Exclusively } from '../db/create-leases.ts';
import type { ClamdAddress } from '../net/clamd.ts';
import { type ScanCounts, type ScanFailures, type ScanServices, scanHeldFiles } from './scan-held-files.ts';

/** How often each instance looks for held files that were not scanned, for example after a failure or a crash. */
const EVERY_MS = 30_000;

/** Scans held files with clamd, one instance at a time. */
export type Scanner = {
  /** Looks for held files regularly from now on, and at once. */
  start: () => void;
  /** Looks at once, if it was started. Returns before the scans. */
  soon: () => void;
  /**
   * Scans the held files; null if another instance is doing it.
   * @throws {Problem} `database-unavailable`. {ScanFailed} if the scanner cannot be reached.
   */
  run: () => Promise<ScanCounts | null>;
  /** Stops scanning; files whose scan has not ended stay held. */
  close: () => Promise<void>;
};

export function createScanner(
  services: ScanServices & { exclusively: Exclusively },
  clamd: ClamdAddress,
  everyMs = EVERY_MS,
): Scanner {
  const { exclusively, logger, metrics } = services;
  const known: ScanFailures = new Map();
  const stopping = new AbortController();
  let isStarted = false;
  let running: Promise<void> | null = null;
  let isAsked = false;
  let timer: NodeJS.Timeout | undefined;

  const run = () =>
    exclusively('scan', (lease) =>
      scanHeldFiles(services, clamd, known, AbortSignal.any([stopping.signal, lease.signal])),
    );

  async function runOnce(): Promise<void> {
    clearTimeout(timer);
    while (isAsked && !stopping.signal.aborted) {
      isAsked = false;
      await run().catch((error: unknown) => {
        if (stopping.signal.aborted) return;
        metrics.count('signpost_scans_total', { outcome: 'failed' });
        logger.error({ err: causeOf(error) }, 'held files could not be scanned, and stay held; retrying');
      });
    }
    if (!stopping.signal.aborted) timer = setTimeout(soon, everyMs).unref();
  }

  function soon(): void {
    if (!isStarted || stopping.signal.aborted) return;
    isAsked = true;
    running ??= runOnce().finally(() => {
      running = null;
    });
  }

  return {
    start: () => {
      isStarted = true;
      soon();
    },
    soon,
    run,
    close: async () => {
      stopping.abort(new Error('the service is stopping'));
      clearTimeout(timer);
      await running;
    },
  };
}
