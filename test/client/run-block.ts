import { readFile } from 'node:fs/promises';

/** Runs the page's JavaScript block that has this text, with these names in scope, and returns `result`. */
export async function runBlock<Result>(page: string, has: string, scope: Record<string, unknown>, result: string) {
  const text = await readFile(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const code = blocks.find((each) => each.includes(has));
  if (code === undefined) throw new Error(`docs/${page}.md has no block with ${has}`);
  const body = code.replace(/^import .*$/gm, '').replace(/^export /gm, '');
  const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => unknown;
  return (await new AsyncFunction(...Object.keys(scope), `${body}\nreturn ${result};`)(
    ...Object.values(scope),
  )) as Result;
}
