import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { bundleBrowserModules } from './scripts/browser-modules.mjs';

// A shell may have settings of other servers, which the AWS SDK and pg read unasked.
for (const name of Object.keys(process.env)) if (/^(AWS_|PG)/.test(name)) delete process.env[name];

/** What needs no database, no service and no browser: `npm run test:quick`, for the inner loop. */
const QUICK = [
  'test/*.test.ts',
  'test/{auth,bucket-events,config,contract,files,local/s3,net,page,signing,telemetry,uploads,webhooks}/**/*.test.ts',
];

/** What only a real S3 server, other programs or a browser can show, or what takes long, has a folder of its own. */
const GATED = Object.entries({
  TEST_S3_ENDPOINT: 'test/real-s3/**',
  TEST_PGBOUNCER: 'test/pgbouncer/**',
  TEST_PG_BIN: 'test/restore/**',
  TEST_CRASHES: 'test/crash/**',
  TEST_S3_TOOLS: 'test/tools/**',
  TEST_BROWSER: 'test/browser/**',
  TEST_ENGINES: 'test/engines/**',
  TEST_FRAMEWORKS: 'test/frameworks/**',
  TEST_PACKAGE: 'test/package/**',
  TEST_PROMTOOL: 'test/promtool/**',
  TEST_OPENAPI: 'test/openapi/**',
  TEST_CLAMD: 'test/clamav/**',
}).flatMap(([variable, folder]) => (process.env[variable] === undefined ? [folder] : []));

export default defineConfig({
  define: { BROWSER_MODULES: JSON.stringify(await bundleBrowserModules()) },
  test: {
    // Most tests wait for servers, clocks and each other's locks more than they compute.
    maxWorkers: Math.max(6, availableParallelism()),
    // A worker loads each package once, not once for each file. The setup file keeps the files apart.
    isolate: false,
    setupFiles: ['test/helpers/fresh-modules.ts'],
    // Everything runs against real servers on two cores: generous limits, so that a busy machine is not a red test.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // What a test waits for. It ends as soon as that is there; the default of 1 s is a race against the machine.
    expect: { poll: { timeout: 60_000 } },
    // On Node 20, the AWS SDK warns of its later versions: eight lines in each worker.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    projects: [
      { extends: true, test: { name: 'quick', include: QUICK } },
      {
        extends: true,
        test: {
          name: 'services',
          include: ['test/**/*.test.ts'],
          exclude: [...QUICK, ...GATED, '**/node_modules/**'],
          globalSetup: ['test/helpers/global-setup.ts'],
        },
      },
    ],
  },
});
