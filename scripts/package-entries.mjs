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

/** What runs in a browser, too, and so is bundled without anything of Node. */
const PORTABLE = ['src/client/', 'src/element/', 'src/receipts/'];

/** The entry points, for esbuild, that run in any runtime, or the others. */
export function entryPoints({ arePortable }) {
  const isPortable = ({ source }) => PORTABLE.some((folder) => source.startsWith(folder));
  const chosen = entries.filter((entry) => isPortable(entry) === arePortable);
  return Object.fromEntries(chosen.map(({ name, source }) => [name, source]));
}
