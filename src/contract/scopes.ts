/** Every scope the service knows; `files:admin` implies the others. */
export const SCOPES = ['files:read', 'files:write', 'files:admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** What the issuer's words mean here. The service's own words always mean themselves. */
export type ScopeWords = {
  /** The issuer's word to ours. */
  words: ReadonlyMap<string, readonly Scope[]>;
  /** What may stand in front of one of ours: `signpost/` of `signpost/files:read`. */
  prefixes: readonly string[];
  /** What a token has that names none of ours. */
  otherwise: readonly Scope[];
};

/**
 * Reads the items of `JWT_SCOPES`: `theirs=files:read files:write`, `prefix/*`, or `*=files:read` for a token that names
 * none. Items of one word add up.
 * @returns null for what is none of these, for a scope there is not, and for `*=files:admin`: everybody would be one.
 */
export function parseScopeWords(items: readonly string[]): ScopeWords | null {
  const words = new Map<string, readonly Scope[]>();
  const prefixes: string[] = [];
  for (const item of items) {
    const equals = item.lastIndexOf('=');
    const word = item.slice(0, equals).trim();
    const ours = toScopes(item.slice(equals + 1));
    if (equals === -1 && /.\*$/.test(item)) prefixes.push(item.slice(0, -1));
    else if (equals === -1 || word === '' || ours === null) return null;
    else words.set(word, [...(words.get(word) ?? []), ...ours]);
  }
  const otherwise = words.get('*') ?? [];
  words.delete('*');
  return otherwise.includes('files:admin') ? null : { words, prefixes, otherwise };
}

/** Scopes separated by spaces; null where one is unknown or none is there. */
export function toScopes(text: string): Scope[] | null {
  const named = text.split(' ').filter((word) => word !== '');
  const known = SCOPES.filter((scope) => named.includes(scope));
  return named.length > 0 && named.every((word) => SCOPES.some((scope) => scope === word)) ? known : null;
}
