import { createSignpost, settingsFrom } from 'signpost';
import { getSession } from './session.js';

const open = () =>
  createSignpost({
    settings: settingsFrom(process.env),
    basePath: '/uploads',
    authorize: async (request) => {
      const session = await getSession(request.headers);
      return session && { userId: session.user.id };
    },
  });

// One for the process: Next.js loads this module in several bundles, and again after every change.
export const signpost = () => {
  globalThis.signpost ??= open();
  return globalThis.signpost;
};
