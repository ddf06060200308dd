import type { Config } from '../config/config.ts';
import type { Exclusively } from '../db/create-leases.ts';
import { createScanner, type Scanner } from '../jobs/create-scanner.ts';
import type { ScanServices } from '../jobs/scan-held-files.ts';

/** In the metrics. */
const OUTCOMES = ['clean', 'rejected', 'failed'] as const;

type Parts = ScanServices & { exclusively: Exclusively };

/** The scanner of held files; null without `SCAN`. */
export function openScanner({ limits }: Pick<Config, 'limits'>, services: Parts): Scanner | null {
  if (limits.scan === null) return null;
  // Prometheus sees no increase for a counter that first appears with its first event.
  for (const outcome of OUTCOMES) services.metrics.count('signpost_scans_total', { outcome }, 0);
  return createScanner(services, limits.scan);
}
