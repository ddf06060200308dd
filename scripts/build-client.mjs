// The browser SDK, `signpost/client`, and the React hook, `signpost/react`: one file each, with its types.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const bundle = build({
  entryPoints: { client: 'src/client/create-signpost.ts', react: 'src/client/use-upload.ts' },
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
const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--noCheck', '--outDir', 'dist/client'];
const types = promisify(execFile)(process.execPath, [tsc, '-p', 'src/client', ...emit]);

await Promise.all([bundle, types]);
