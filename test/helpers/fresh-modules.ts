import { afterAll, vi } from 'vitest';

// The files of a worker share its process, so that packages are loaded once. What is ours is loaded anew for each file:
// none sees what another left behind.
vi.resetModules();

afterAll(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});
