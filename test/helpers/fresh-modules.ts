import { afterAll, vi } from 'vitest';

// The files of a worker share its process, so that packages are loaded once. What is ours is loaded anew for each file:
// none sees what another left behind.
vi.resetModules();

const { Request, Response } = globalThis;

afterAll(() => {
  // Hono's server puts classes of its own in their place, which take what these refuse.
  Object.assign(globalThis, { Request, Response });
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});
