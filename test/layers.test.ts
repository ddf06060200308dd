import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** Each folder may import from itself and from the rows above it, but not from others in its row. */
const LAYERS = [
  ['contract'],
  ['net'],
  ['telemetry'],
  ['config'],
  ['signing'],
  ['auth', 'storage', 'db', 'local', 'client'],
  ['audit', 'receipts'],
  ['files'],
  ['uploads'],
  ['bucket-events', 'webhooks'],
  ['http', 'jobs'],
  ['page'],
  ['element'],
  ['start'],
  ['index'],
  ['adapters', 'doctor'],
  ['main'],
];

/** Packages that only certain folders may import. */
const OWNERS: Record<string, readonly string[]> = {
  '@aws-sdk/': ['signing', 'storage'],
  jose: ['auth', 'receipts'],
  'drizzle-orm': ['db'],
  pg: ['db'],
  '@neondatabase/': ['db'],
  hono: ['http', 'adapters'],
  '@hono/': ['http', 'adapters'],
  'file-type': ['uploads'],
  pino: ['start'],
  undici: ['storage'],
  'prom-client': ['telemetry'],
  '@opentelemetry/': ['telemetry'],
};

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => {
    const path = file.replaceAll('\\', '/');
    const text = readFileSync(join(SRC, file), 'utf8');
    const specifiers = [...text.matchAll(/(?:^|[\s}])(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
      ([, name]) => name ?? '',
    );
    return { path, text, area: areaOf(path), specifiers };
  });

/** The packages that are loaded with these files of `src`, types and `import()` aside. */
function packagesWith(paths: readonly string[]): string[] {
  const seen = new Set(paths);
  const packages = new Set<string>();
  for (const path of seen) {
    const text = files.find((file) => file.path === path)?.text ?? '';
    for (const [, name = ''] of text.matchAll(/^(?:import|export) (?!type\b)[^;']*?from '([^']+)'/gm)) {
      if (name.startsWith('.')) seen.add(posix.join(dirname(path), name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  }
  return [...packages].sort();
}

/** The files of a folder, without what is installed in it. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    });
}

function areaOf(path: string): string {
  return (path.split('/')[0] ?? '').replace(/\.ts$/, '');
}

function layerOf(area: string): number {
  return LAYERS.findIndex((areas) => areas.includes(area));
}

const inner = files.flatMap(({ path, area, specifiers }) =>
  specifiers
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => ({ path, area, target: areaOf(posix.normalize(posix.join(dirname(path), specifier))) })),
);

describe('the layers', () => {
  it('are folders, except for the library and the program', () => {
    expect(files.filter(({ path }) => !path.includes('/')).map(({ path }) => path)).toEqual(['index.ts', 'main.ts']);
  });

  it('cover every file, and every import is seen', () => {
    expect(files.filter(({ area }) => layerOf(area) === -1).map(({ path }) => path)).toEqual([]);
    expect(files.length).toBeGreaterThan(30);
    for (const { path, text, specifiers } of files) {
      const statements = text.match(/^(import|export) .*from |^} from |import\('/gm) ?? [];
      expect(specifiers.length, relative(SRC, path)).toBeGreaterThanOrEqual(statements.length);
    }
  });

  it('import downward only', () => {
    const upward = inner.filter(({ area, target }) => area !== target && layerOf(target) >= layerOf(area));
    expect(upward).toEqual([]);
  });

  it('keep local/ and client/ free of the rest of src: the local store checks our signatures independently', () => {
    expect(inner.filter(({ area, target }) => ['local', 'client'].includes(area) && target !== area)).toEqual([]);
  });

  it('let page/ import only client/, like any other app', () => {
    const targets = new Set(
      inner.filter(({ area, target }) => area === 'page' && target !== area).map((i) => i.target),
    );
    expect([...targets]).toEqual(['client']);
  });

  it('leave each library to the folder that owns it', () => {
    const strangers = files.flatMap(({ path, area, specifiers }) =>
      specifiers
        .filter((specifier) => {
          const owner = Object.keys(OWNERS).find((name) =>
            name.endsWith('/') ? specifier.startsWith(name) : specifier === name || specifier.startsWith(`${name}/`),
          );
          return owner !== undefined && !OWNERS[owner]?.includes(area);
        })
        .map((specifier) => `${path} imports ${specifier}`),
    );
    expect(strangers).toEqual([]);
  });

  it('let the program listen before it has loaded the service', () => {
    expect(packagesWith(['main.ts', 'http/start-server.ts'])).toEqual(['@hono/node-server', 'zod']);
    expect(packagesWith(['index.ts'])).toEqual(expect.arrayContaining(['@aws-sdk/client-s3', 'drizzle-orm', 'hono']));
  });

  it('leave `process` to index, main and run', () => {
    const users = files.filter(
      ({ text, path }) =>
        !['index.ts', 'main.ts', 'start/run.ts'].includes(path) && /\bprocess\.(env|argv|exit|on|stdout)\b/.test(text),
    );
    expect(users.map(({ path }) => path)).toEqual([]);
  });

  it('keep lines within 120 columns, except patterns; in tests, lines of comments', () => {
    const ROOT = join(SRC, '..');
    const long = ['src', 'scripts', 'bench', 'test'].flatMap((folder) =>
      filesIn(join(ROOT, folder))
        .filter((file) => /\.(ts|mjs|js|css|sh)$/.test(file))
        .flatMap((file) =>
          readFileSync(file, 'utf8')
            .split('\n')
            .filter(
              (line) => line.length > 120 && (folder === 'test' ? /^\s*(\*|\/\*|\/\/) / : /^(?!\s*\/[^/*])/).test(line),
            )
            .map((line) => `${relative(ROOT, file)}: ${line}`),
        ),
    );
    expect(long).toEqual([]);
  });

  it('give no two files the same name', () => {
    const names = files.map(({ path }) => posix.basename(path));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('keep every file under 300 lines, tests too', () => {
    const ROOT = join(SRC, '..');
    const long = ['src', 'scripts', 'bench', 'test'].flatMap((folder) =>
      filesIn(join(ROOT, folder))
        .filter((file) => /\.(ts|mjs|js)$/.test(file))
        .filter((file) => readFileSync(file, 'utf8').split('\n').length > 301)
        .map((file) => relative(ROOT, file)),
    );
    expect(long).toEqual([]);
  });
});
