import * as z from 'zod';

const UNESCAPED =
  'its user or password has a character that must be percent-encoded in a URL, one of @ : / ? # % [ ] or a space ' +
  '(node -p \'encodeURIComponent("…")\')';

/** As Google Cloud SQL writes it. No `URL` has a user and no host. */
const NO_HOST = 'has no host; for a socket in a folder: postgres://user:password@localhost/name?host=/folder';

/**
 * `postgres://user:password@host:port/name?parameters` (PostgreSQL documentation, section 34.1.1.2). An unescaped URL
 * character in a password would cut it, and the rest would be looked up and logged as a host.
 */
export const databaseUrl = z.string().superRefine((text, context) => {
  const message = faultOf(text);
  if (message !== null) context.addIssue({ code: 'custom', message });
});

/** What is wrong with a URL, without quoting it; null if nothing is. */
function faultOf(text: string): string | null {
  const [, rest] = /^postgres(?:ql)?:\/\/(.*)$/s.exec(text) ?? [];
  if (rest === undefined) return 'must be a postgres:// URL';
  const [authority = '', ...others] = rest.split(/(?=[/?])/);
  const path = others.filter((part) => part.startsWith('/')).join('');
  const isCut = authority.includes('@') ? path.includes('@') : rest.includes('@');
  const isTwice = authority.split('@').length > 2;
  const [beforeParameters = ''] = rest.split('?');
  if (isCut || isTwice || /[\s\\]/.test(beforeParameters) || /#|%(?![0-9a-f]{2})/i.test(rest)) return UNESCAPED;
  if (authority.endsWith('@')) return NO_HOST;
  if (authority.slice(authority.indexOf('@') + 1).includes(',')) return 'must name one host';
  if (URL.canParse(text)) return null;
  return rest.includes('@') ? UNESCAPED : 'must be a postgres:// URL';
}
