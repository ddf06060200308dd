// The types of what the package exports, in dist/types: of the declarations that tsc makes, those that are needed.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { entries, manifest } from './package-entries.mjs';

mkdirSync('dist', { recursive: true });
const work = mkdtempSync('dist/types-');
try {
  const compilerOptions = {
    lib: ['es2024', 'dom', 'dom.iterable'],
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    noCheck: true,
    rootDir: '../../src',
    outDir: 'all',
  };
  const files = entries.map(({ source }) => `../../${source}`);
  const project = { extends: '../../tsconfig.json', compilerOptions, files, include: [], exclude: [] };
  writeFileSync(join(work, 'tsconfig.json'), JSON.stringify(project));
  const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
  execFileSync(process.execPath, [tsc, '-p', work], { stdio: 'inherit' });

  const paths = new Set(entries.map(({ source }) => source.replace(/^src\//, '').replace(/\.ts$/, '.d.ts')));
  for (const path of paths) {
    const text = readFileSync(join(work, 'all', path), 'utf8');
    const needed = new Set([...text.matchAll(/(?:from |import\()['"](.*?)['"]/g)].map(([, specifier]) => specifier));
    for (const specifier of needed) {
      if (specifier.startsWith('.')) paths.add(join(dirname(path), specifier.replace(/\.ts$/, '.d.ts')));
      else requireAvailable(specifier, path);
    }
    mkdirSync(dirname(join(work, 'types', path)), { recursive: true });
    // TypeScript finds the declarations of x.js by any setting, those of x.ts only by some.
    const portable = text.replace(/((?:from |import\()['"]\..*?)\.ts(['"])/g, '$1.js$2');
    writeFileSync(join(work, 'types', path), portable);
  }
  rmSync('dist/types', { recursive: true, force: true });
  renameSync(join(work, 'types'), 'dist/types');
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Whoever installs the package has neither the packages it was built with, nor their types. */
function requireAvailable(specifier, path) {
  const [name = ''] = specifier.split('/');
  if (specifier.startsWith('node:') || name in manifest.peerDependencies) return;
  throw new Error(`the types of ${path} need those of "${specifier}", which is not installed with this package`);
}
