import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // What only a real S3 server or a browser can show, or what takes long, has a folder of its own; everything else runs
    // on the embedded bucket as well.
    include: ['test/**/*.test.ts'],
    exclude: [
      ...(process.env.TEST_S3_ENDPOINT === undefined ? ['test/real-s3/**'] : []),
      ...(process.env.TEST_PGBOUNCER === undefined ? ['test/pgbouncer/**'] : []),
      ...(process.env.TEST_PG_BIN === undefined ? ['test/restore/**'] : []),
      ...(process.env.TEST_CRASHES === undefined ? ['test/crash/**'] : []),
      ...(process.env.TEST_S3_TOOLS === undefined ? ['test/tools/**'] : []),
      ...(process.env.TEST_BROWSER === undefined ? ['test/browser/**'] : []),
    ],
    // Most tests wait for servers, clocks and each other's locks more than they compute.
    maxWorkers: Math.max(4, availableParallelism()),
    globalSetup: ['test/helpers/global-setup.ts'],
    // Everything runs against real servers on two cores: generous limits, so that a busy machine is not a red test.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // What a test waits for. It ends as soon as that is there; the default of 1 s is a race against the machine.
    expect: { poll: { timeout: 30_000 } },
  },
});
