import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { compile } from 'svelte/compiler';
import { compileScript, parse } from 'vue/compiler-sfc';
import { compileSolid } from './compile-solid.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const asVue = (source: string) =>
  compileScript(parse(source).descriptor, { id: 'upload', inlineTemplate: true }).content;
const asSvelte = (source: string) => compile(source, { generate: 'client', css: 'injected' }).js.code;

/** A page of components in JSX: it draws those that are named. */
const jsx = (compile: (source: string) => string | Promise<string>, draw: string) => ({
  language: 'jsx',
  compile,
  main: (components: string[]) => `import * as all from 'component'; ${draw.replace('$', components.join())}`,
});
const DRAW_REACT = `import { createElement } from 'react'; import { createRoot } from 'react-dom/client';
  const root = document.body.appendChild(document.createElement('main'));
  createRoot(root).render([$].map((name) => createElement(all[name], { key: name })));`;
const DRAW_SOLID = `import { createComponent, render } from 'solid-js/web';
  render(() => [$].map((name) => createComponent(all[name], {})), document.body);`;

/** For each page: the language of its components, how they are compiled, and how they are drawn. */
const PAGES = {
  react: jsx((source) => source, DRAW_REACT),
  vue: {
    language: 'vue',
    compile: asVue,
    main: () =>
      `import { createApp } from 'vue'; import Upload from 'component'; createApp(Upload).mount(document.body);`,
  },
  svelte: {
    language: 'svelte',
    compile: asSvelte,
    main: () =>
      `import { mount } from 'svelte'; import Upload from 'component'; mount(Upload, { target: document.body });`,
  },
  solid: jsx(compileSolid, DRAW_SOLID),
  queue: {
    language: 'html',
    compile: (source: string) => `document.body.innerHTML = ${JSON.stringify(source)};`,
    main: () => `import 'component'; import * as all from './signpost.js';
      import { createQueueMemory } from 'signpost/queue'; Object.assign(window, all, { createQueueMemory });`,
  },
};

/** The module of each entry of the package. */
const ENTRIES: Record<string, string> = {
  client: 'create-signpost',
  queue: 'queue/create-upload-queue',
  react: 'hooks/react',
  vue: 'hooks/vue',
  svelte: 'hooks/svelte',
  solid: 'hooks/solid',
};

export const FRAMEWORKS = ['react', 'vue', 'svelte', 'solid'] as const;
type Name = keyof typeof PAGES;
/** The page's first component, or its second, for several files. */
export type Page = Name | `${Name}-several`;

/** The page's code as an app would bundle it. */
export async function bundleDocs(page: Page): Promise<string> {
  const [name, several] = page.split('-') as [Name, string?];
  const { language, compile, main } = PAGES[name];
  const text = await readFile(`${ROOT}/docs/${name}.md`, 'utf8');
  const index = several === undefined ? 0 : 1;
  const blockOf = (of: string) =>
    [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === of)[index]?.[2] ?? '';
  const component = blockOf(language);
  const names = [...component.matchAll(/^export function (\w+)/gm)].map(([, name]) => `'${name}'`);
  const sources = new Map([
    ['main', main(names)],
    ['./signpost.js', blockOf('js')],
    ['component', await compile(component)],
  ]);
  const { outputFiles } = await build({
    entryPoints: ['main'],
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    logLevel: 'silent',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [
      {
        name: 'the page’s blocks',
        setup: ({ onResolve, onLoad }) => {
          onResolve({ filter: /.*/ }, ({ path }) => (sources.has(path) ? { path, namespace: 'docs' } : undefined));
          onResolve({ filter: /^signpost\// }, ({ path }) => ({
            path: `${ROOT}/src/client/${ENTRIES[path.replace('signpost/', '')]}.ts`,
          }));
          onLoad({ filter: /.*/, namespace: 'docs' }, ({ path }) => ({
            contents: sources.get(path) ?? '',
            loader: 'jsx',
            resolveDir: ROOT,
          }));
        },
      },
    ],
  });
  return outputFiles[0]?.text ?? '';
}
