import { fileURLToPath } from 'node:url';

/** In a variable: bundlers take `new URL('…', import.meta.url)` for a file to bundle. */
const here = import.meta.url;

/** A folder of this package, by its path from the package's root. Works from `src` and bundled in `dist`. */
export function packageFolder(path: string): string {
  return fileURLToPath(new URL(path, here.replace(/^(.*\/)(?:src|dist)\/.*$/, '$1')));
}
