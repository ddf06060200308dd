import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { measureRoutes } from './measure-routes.ts';

/** How much a route may cost more than `costs.json` says. */
const GROWTH = 1.25;
const TRIES = 3;
const ROUNDS = 5;
/** Of the requests in a whole measurement. */
const SHARE = 1 / 4;

/**
 * Compares the CPU time of the hot routes, in requests of Hono's echo, with `bench/costs.json`: medians of runs on a
 * machine with nothing else to do, where ratios are highest. Tries differ by up to a fifth, so one that fails is
 * repeated.
 * @returns what each route costs, and the names of those that cost too much in every try.
 */
export async function checkCosts(directory: string) {
  const committed: Record<string, number> = JSON.parse(
    await readFile(new URL('../bench/costs.json', import.meta.url), 'utf8'),
  );
  const costs: Record<string, number> = {};
  let dear = Object.keys(committed);
  for (let attempt = 0; attempt < TRIES && dear.length > 0; attempt++) {
    const figures = await measureRoutes(join(directory, `try-${attempt}`), {
      rounds: ROUNDS,
      share: SHARE,
      only: dear,
    });
    if (figures.length !== dear.length) throw new Error('bench/costs.json names a route that is not measured');
    for (const { name, cost } of figures) costs[name] = Math.min(cost, costs[name] ?? Number.POSITIVE_INFINITY);
    dear = dear.filter((name) => (costs[name] ?? 0) > GROWTH * (committed[name] ?? 0));
  }
  return { costs: Object.entries(costs).map(([name, cost]) => ({ name, cost, was: committed[name] ?? 0 })), dear };
}
