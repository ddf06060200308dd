import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // What only a real S3 server can show has a folder of its own; everything else runs on the embedded bucket as well.
    include: ['test/**/*.test.ts'],
    exclude: process.env.TEST_S3_ENDPOINT === undefined ? ['test/real-s3/**'] : [],
    globalSetup: ['test/helpers/global-setup.ts'],
    // Everything runs against real servers on two cores: generous limits, so that a slow machine is not a red test.
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
