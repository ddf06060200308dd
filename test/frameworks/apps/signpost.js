import { createSignpost, settingsFrom } from 'signpost';
import { getSession } from './session.js';

export const signpost = createSignpost({
  settings: settingsFrom(process.env),
  basePath: '/uploads',
  authorize: async (request) => {
    const session = await getSession(request.headers);
    return session && { userId: session.user.id };
  },
});
