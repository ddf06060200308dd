import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/global-setup.ts'],
    // Everything runs against real servers on two cores: generous limits, so that a slow machine is not a red test.
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
