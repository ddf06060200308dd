import { resolve } from 'node:path';

/** What `npm pack` made: `npm run test:package` sets it. */
export const TARBALL = resolve(process.env.TEST_PACKAGE ?? '');
