/**
 * Every scope the service knows; `files:admin` implies the others. `files:judge` decides on held files, of any user;
 * `files:credentials` gets temporary credentials of the bucket.
 */
export const SCOPES = ['files:read', 'files:write', 'files:judge', 'files:credentials', 'files:admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** What an issuer's scope names mean here. The service's own names always keep their meaning. */
export type ScopeWords = {
  /** The issuer's name to the service's scopes. */
  words: ReadonlyMap<string, readonly Scope[]>;
  /** Prefixes that may precede a scope: `signpost/` of `signpost/files:read`. */
  prefixes: readonly string[];
  /** The scopes of a token that names no known scope. */
  otherwise: readonly Scope[];
};

/**
 * Reads the items of `JWT_SCOPES`: `theirs=files:read files:write`, `prefix/*`, or `*=files:read` for tokens without a
 * known scope. Items with the same name add up.
 * @returns null for a malformed item, for an unknown scope, and for `*=` with more than `files:read` and
 * `files:write`, which would make everybody an admin or a judge, or give everybody credentials.
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
  const mayAll = otherwise.every((scope) => scope === 'files:read' || scope === 'files:write');
  return mayAll ? { words, prefixes, otherwise } : null;
}

/** Scopes separated by spaces; null if one is unknown or the text is empty. */
export function toScopes(text: string): Scope[] | null {
  const named = text.split(' ').filter((word) => word !== '');
  const known = SCOPES.filter((scope) => named.includes(scope));
  return named.length > 0 && named.every((word) => SCOPES.some((scope) => scope === word)) ? known : null;
}
