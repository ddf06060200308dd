import { freePort } from '../helpers/listen.ts';

/** What the tests ask of a browser. Each engine is driven by the library that can: see firefox.mjs and webkit.mjs. */
export type Engine = {
  open: (url: string) => Promise<void>;
  /** Leaves and comes back, though uploads are under way. */
  reload: () => Promise<void>;
  /** The value of an expression in the page; a promise is awaited. */
  evaluate: (expression: string) => Promise<unknown>;
  /** Chooses files in the page's picker. */
  choose: (paths: string[]) => Promise<void>;
  press: (key: 'Tab' | 'Enter' | 'Escape' | 'ArrowDown') => Promise<void>;
  close: () => Promise<void>;
};

export async function startEngine(name: 'firefox' | 'webkit'): Promise<Engine> {
  const { start } = (await import(new URL(`./${name}.mjs`, import.meta.url).href)) as {
    start: (port: number) => Promise<Engine>;
  };
  return start(Number(await freePort()));
}
