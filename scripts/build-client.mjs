// The browser SDK, the React hook and the verifier of receipts: one file each.
import { build } from 'esbuild';
import { entryPoints } from './package-entries.mjs';

await build({
  entryPoints: entryPoints({ arePortable: true }),
  outdir: 'dist',
  bundle: true,
  external: ['react'],
  minify: true,
  platform: 'browser',
  target: 'es2022',
  format: 'esm',
  sourcemap: 'linked',
  logLevel: 'warning',
});
