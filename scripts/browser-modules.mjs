import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** The modules that the service serves to pages without a bundler: the name of each, and its source. */
const SOURCES = {
  'client.js': 'src/client/create-signpost.ts',
  'uploader.js': 'src/element/signpost-uploader.ts',
};

/** Each module that the service serves, by its name: as text, and compressed once for all. */
export async function bundleBrowserModules() {
  const { outputFiles } = await build({
    entryPoints: Object.entries(SOURCES).map(([name, source]) => ({ in: source, out: name.replace(/\.js$/, '') })),
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    bundle: true,
    minify: true,
    platform: 'browser',
    target: 'es2022',
    format: 'esm',
    write: false,
    outdir: '.',
    logLevel: 'warning',
  });
  return Object.fromEntries(
    Object.keys(SOURCES).map((name, index) => {
      const { text } = outputFiles[index];
      return [name, { text, gzipBase64: gzipSync(text, { level: 9 }).toString('base64') }];
    }),
  );
}
