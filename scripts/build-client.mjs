// The browser SDK, its queue and its hooks, and the verifier of receipts: a file each, and what they share or load when
// it is needed.
import { readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { entryPoints, manifest } from './package-entries.mjs';
import { requireListed } from './third-party-licences.mjs';

const { metafile } = await build({
  entryPoints: entryPoints({ arePortable: true }),
  outdir: 'dist',
  bundle: true,
  // So that an error of one is an instance of the other's SignpostError.
  splitting: true,
  chunkNames: 'client-[name]-[hash]',
  external: Object.keys(manifest.peerDependencies),
  minify: true,
  // Node prints the line where an error began that nobody catches: without a limit, that is the whole module.
  lineLimit: 160,
  platform: 'browser',
  target: 'es2022',
  format: 'esm',
  sourcemap: 'linked',
  logLevel: 'warning',
  metafile: true,
});
requireListed(metafile, readFileSync('dist/THIRD-PARTY-LICENSES.txt', 'utf8'));
