import { createSignpost, type Signpost, type SignpostOptions, settingsFrom } from 'signpost';

// Stands for the app's own sessions: the token is the user's id, and so is the cookie.
const authorize: SignpostOptions['authorize'] = ({ headers }) => {
  const userId = headers.get('authorization')?.replace('Bearer ', '') ?? headers.get('cookie')?.replace('user=', '');
  return userId === undefined ? null : { userId, limits: { maxBytes: 1_000_000 } };
};

let opened: Signpost | undefined;

/** One for the process, opened with the first request: a build needs no settings. */
export function signpost(): Signpost {
  opened ??= createSignpost({ settings: settingsFrom(process.env), basePath: '/uploads', authorize });
  return opened;
}
