import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SETTING_NAMES } from '../src/config/config.ts';
import { PROBLEMS } from '../src/contract/errors.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const pagesIn = (folder: string) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => normalize(join(folder, name)));

const pages = [...pagesIn('.'), ...pagesIn('docs'), ...pagesIn('bench')].map((path) => {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return { path, text, prose: text.replace(/^```.*?^```$/gms, '') };
});

/** A heading's anchor as on GitHub: lower case, no punctuation, hyphens for spaces. No page has equal headings. */
function toAnchor(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
}

const anchors = new Map(
  pages.map(({ path, prose }) => [
    path,
    [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => toAnchor(heading)),
  ]),
);

/** The internal links of a page: to a page, with or without an anchor, or to its own anchor. */
const links = pages.flatMap(({ path, prose }) =>
  [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#');
      return { from: path, target, to: file === '' ? path : normalize(join(dirname(path), file)), anchor };
    }),
);

describe('the documentation', () => {
  it('has a README of at most 200 lines', () => {
    const readme = pages.find(({ path }) => path === 'README.md');
    expect(readme?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(200);
  });

  it('has no link to a missing file', () => {
    expect(links.length).toBeGreaterThan(80);
    expect(links.filter(({ to }) => !existsSync(join(ROOT, to)))).toEqual([]);
  });

  it('has no link to a missing heading', () => {
    const lost = links.filter(({ to, anchor }) => anchor !== undefined && !anchors.get(to)?.includes(anchor));
    expect(lost).toEqual([]);
  });

  it('can be reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const page of reached) for (const { from, to } of links) if (from === page) reached.add(to);
    expect(pages.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });

  it('has every page in docs/README.md, once', () => {
    const listed = links.filter(({ from }) => from === join('docs', 'README.md')).map(({ to }) => to);
    expect(listed.toSorted()).toEqual(
      pages
        .map(({ path }) => path)
        .filter((path) => path !== join('docs', 'README.md'))
        .toSorted(),
    );
  });

  it('has docs/README.md as llms.txt, after llmstxt.org (vitest -u writes it)', async () => {
    const index = pages.find(({ path }) => path === join('docs', 'README.md'))?.text ?? '';
    const readme = pages.find(({ path }) => path === 'README.md')?.text ?? '';
    const summary = readme.split('\n\n')[1]?.replaceAll('\n', ' ').replaceAll('**', '');
    const lists = index.slice(index.indexOf('\n## '));
    const fromRoot = lists.replace(/\]\(([^)]+)\)/g, (_, to: string) => `](${normalize(join('docs', to))})`);
    expect(fromRoot).toMatch(/^(\n## .+\n\n(.+\n\n)?(- \[[^\]]+\]\([\w./-]+\): .+\.\n)+)+$/);
    const text = `# Signpost\n\n> ${summary}\n\nThe code to start with: [README](README.md).\n${fromRoot}`;
    await expect(text).toMatchFileSnapshot('../llms.txt');
  });

  it('has every problem in docs/api.md, under its status', () => {
    const api = pages.find(({ path }) => path === join('docs', 'api.md'));
    const row = (status: number) => new RegExp(`^\\| ${status} \\|.*$`, 'm').exec(api?.text ?? '')?.[0] ?? '';
    const problems = Object.entries(PROBLEMS);
    expect(problems.filter(([code, { status }]) => !row(status).includes(`\`${code}\``))).toEqual([]);
  });

  it('has lines of at most 120 characters, except in tables and code', () => {
    const long = pages.flatMap(({ path, prose }) =>
      prose.split('\n').flatMap((line) => (line.length > 120 && !line.startsWith('|') ? [{ path, line }] : [])),
    );
    expect(long).toEqual([]);
  });

  it('names only existing files', () => {
    const named = pages.flatMap(({ path, text }) =>
      [...text.matchAll(/`((?:src|test|scripts|docs|drizzle|bench|\.ci)\/[\w./-]*\w)`/g)].map(([, file = '']) => ({
        path,
        file,
      })),
    );
    expect(named.filter(({ file }) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  it('has the lines for each framework as test/frameworks runs them', () => {
    const page = pages.find(({ path }) => path === join('docs', 'frameworks.md'))?.text ?? '';
    const servers = [
      'signpost.js',
      'hono.js',
      'express.js',
      'fastify.js',
      'http.js',
      'lambda.js',
      'worker.js',
      'bun.js',
      'deno.js',
    ];
    const next = ['signpost.js', 'app/uploads/[...path]/route.js'].map((name) => `next/${name}`);
    const lines = (name: string) => readFileSync(join(ROOT, 'test/frameworks/apps', name), 'utf8');
    expect([...servers, ...next].filter((name) => !page.includes(lines(name)))).toEqual([]);
  });

  it('calls the package signpost, and says how to install it so if it has another name', () => {
    const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const parts = Object.keys(exports).map((entry) => entry.replace(/^\.\/?/, ''));
    const components = readdirSync(join(ROOT, 'docs', 'registry'), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    const imported = [...pages.map(({ text }) => text), ...components].flatMap((text) => [
      ...text.matchAll(/(?:from|import) '((?:@[\w-]+\/)?[\w-]*signpost[\w-]*)(?:\/([\w.-]+))?'/g),
    ]);
    expect(imported.length).toBeGreaterThan(50);
    expect(imported.filter(([, called, part = '']) => called !== 'signpost' || !parts.includes(part))).toEqual([]);
    const installing = pages.find(({ path }) => path === join('docs', 'installing.md'))?.text ?? '';
    if (name !== 'signpost') expect(installing).toContain(`npm install signpost@npm:${name}`);
  });

  it('names only existing settings in what is deployed', () => {
    const deploying = pages.find(({ path }) => path === join('docs', 'deploying.md'))?.text ?? '';
    const examples = [...deploying.matchAll(/^```(?:yaml|json|toml|ini)\n(.*?)^```$/gms)].map(([, code = '']) => code);
    const [service = ''] = readFileSync(join(ROOT, 'compose.yaml'), 'utf8').split('\nservices:');
    const named = [...examples, service].flatMap((code) => code.match(/\b[A-Z]+[A-Z0-9]*(_[A-Z0-9]+)+\b/g) ?? []);
    const others = ['AF_INET', 'AF_INET6', 'AF_UNIX', 'POSTGRES_PASSWORD', 'STORE_PASSWORD'];
    const settings = named.map((name) => name.replace(/_FILE$/, '')).filter((name) => !others.includes(name));
    expect(new Set(settings).size).toBeGreaterThan(10);
    expect(settings.filter((name) => !SETTING_NAMES.includes(name))).toEqual([]);
  });
});
