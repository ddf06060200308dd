// The browser SDK, the React hook and the verifier of receipts: one file each, and what the SDK loads when needed.
import { build } from 'esbuild';
import { entryPoints } from './package-entries.mjs';

const { client, ...others } = entryPoints({ arePortable: true });
const options = {
  outdir: 'dist',
  bundle: true,
  external: ['react'],
  minify: true,
  platform: 'browser',
  target: 'es2022',
  format: 'esm',
  sourcemap: 'linked',
  logLevel: 'warning',
};
await build({ ...options, entryPoints: others });
await build({ ...options, entryPoints: { client }, splitting: true, chunkNames: 'client-[name]-[hash]' });
