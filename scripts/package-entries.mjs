import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** This package's `package.json`. */
export const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** What the package exports: the name of each bundle in `dist`, and the source of it and of its types. */
export const entries = Object.values(manifest.exports)
  .filter((target) => typeof target === 'object')
  .map(({ types, default: bundle }) => ({
    name: basename(bundle, '.js'),
    source: types.replace('./dist/types/', 'src/').replace(/\.d\.ts$/, '.ts'),
  }));

/** The entry points, for esbuild, that are or are not part of the browser SDK. */
export function entryPoints({ ofClient }) {
  const chosen = entries.filter(({ source }) => source.startsWith('src/client/') === ofClient);
  return Object.fromEntries(chosen.map(({ name, source }) => [name, source]));
}
