import type { SweepServices } from '../../src/jobs/running-sweep.ts';

/** The same services with each clock ahead by so many milliseconds, so that objects and rows seem older. */
export function withClocks<S extends SweepServices>(
  services: S,
  ahead: { bucket?: number; database?: number; host?: number },
): S {
  const { bucket = 0, database = 0, host = 0 } = ahead;
  return {
    ...services,
    readClocks: async () => {
      const clocks = await services.readClocks();
      return {
        bucket: new Date(clocks.bucket.getTime() + bucket),
        database: new Date(clocks.database.getTime() + database),
        host: new Date(clocks.host.getTime() + host),
      };
    },
  };
}
