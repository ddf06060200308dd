import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

type Item = { name: string; dependencies?: string[]; files: { path: string; target: string }[] };

const read = (path: string) => readFileSync(fileURLToPath(new URL(`../${path}`, import.meta.url)), 'utf8');
const registry: { name: string; homepage: string; items: Item[] } = JSON.parse(read('docs/registry/registry.json'));
const items = registry.items.map(({ dependencies = [], ...item }) => ({ ...item, dependencies }));

/** What a file imports: a path of a neighbour without its ending, or the name of a package. */
const importsOf = (path: string) =>
  [...read(`docs/registry/${path}`).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)].map(
    ([, specifier = '']) =>
      specifier.startsWith('.') ? specifier : (/^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier),
  );

describe('docs/registry/registry.json', () => {
  it('has the name and the homepage that `shadcn build` asks for', () => {
    expect(registry).toMatchObject({ name: expect.stringMatching(/./), homepage: expect.stringMatching(/./) });
  });

  it('names every component, and puts all into one folder of the app', () => {
    const files = items.flatMap((item) => item.files);
    const present = readdirSync(new URL('../docs/registry/', import.meta.url)).filter((name) => /\.tsx?$/.test(name));
    expect([...new Set(files.map(({ path }) => path))].toSorted()).toEqual(present.toSorted());
    expect(files.filter(({ path, target }) => target !== `@components/signpost/${path}`)).toEqual([]);
  });

  it('has in each item all that its files import, except for React and signpost, which the app has', () => {
    const missing = items.flatMap(({ name, files, dependencies }) => {
      const neighbours = files.map(({ path }) => `./${path.replace(/\.tsx?$/, '')}`);
      const known = [...neighbours, ...dependencies.map((spec) => spec.replace(/(?<=.)@.*/, '')), 'react', 'signpost'];
      const imported = files.flatMap(({ path }) => importsOf(path));
      expect(imported, name).toContain('signpost');
      return imported.filter((specifier) => !known.includes(specifier)).map((specifier) => `${name}: ${specifier}`);
    });
    expect(missing).toEqual([]);
  });

  it('lets shadcn install signpost as soon as the name is ours on the registry, and not before', () => {
    const { name } = JSON.parse(read('package.json'));
    const isOurs = !/not on a registry yet/.test(read('docs/installing.md'));
    const spec = name === 'signpost' ? name : `signpost@npm:${name}`;
    for (const { dependencies } of items) expect(dependencies).toEqual(isOurs ? [spec] : []);
  });
});
