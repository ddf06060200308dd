import { HTTP_URL_FORM, isHttpUrl } from './settings/kinds.ts';
import { MIN_SECRET_BYTES } from './settings/secrets.ts';
import type { Settings } from './settings.ts';

/** A key that verifies tokens. `issuer` null: of any allowed issuer. */
export type VerificationKey = { kind: 'secret' | 'public' | 'jwks'; value: string; issuer: string | null };

/** A value for the tokens of one issuer, or (null) of all issuers. */
export type OfIssuer = { issuer: string | null; value: string };

export type AuthConfig = ReturnType<typeof readAuthConfig>['auth'];

/** The setting of each kind of key. */
export const KEY_SETTINGS = { secret: 'JWT_SECRET', public: 'JWT_PUBLIC_KEY', jwks: 'JWKS_URL' } as const;

/** Separates several secrets in one setting; see `splitSecrets`. */
const SECRET_SEPARATOR = /[,\n]/;

/** How tokens are verified, and which settings contradict each other. Errors name settings, never values. */
export function readAuthConfig(set: Settings, production: boolean) {
  const issuers = set.JWT_ISSUER ?? [];
  const keys = readKeys(set);
  return {
    auth: {
      /** Empty: a secret created once in `dataDir`. */
      keys,
      /** Empty: not checked. */
      issuers,
      audiences: (set.JWT_AUDIENCE ?? []).map((text) => ofIssuer(text, issuers)),
      clientIds: (set.JWT_CLIENT_IDS ?? []).map((text) => ofIssuer(text, issuers)),
      algorithms: set.JWT_ALGORITHMS,
      userClaim: set.JWT_USER_CLAIM,
      ownerClaim: set.JWT_OWNER_CLAIM ?? null,
      scopeClaims: set.JWT_SCOPE_CLAIM ?? null,
      scopeWords: set.JWT_SCOPES ?? null,
      clockToleranceSeconds: set.JWT_CLOCK_TOLERANCE_SECONDS,
      cookie: set.AUTH_COOKIE ?? null,
    },
    errors: [...keyErrors(keys, issuers), ...(production ? productionErrors(keys) : [])],
  };
}

/** Whether tokens are accepted that an issuer made for other applications. */
export function isOpenToOtherClients({ keys, issuers, audiences, clientIds }: AuthConfig): boolean {
  const names = issuers.length > 0 ? issuers : [null];
  return names.some((name) => {
    const isTheirs = ({ issuer }: { issuer: string | null }) => issuer === null || issuer === name;
    return keys.some((key) => key.kind === 'jwks' && isTheirs(key)) && ![...audiences, ...clientIds].some(isTheirs);
  });
}

function readKeys(set: Settings): VerificationKey[] {
  const issuers = set.JWT_ISSUER ?? [];
  const withKind = (kind: VerificationKey['kind'], texts: readonly string[]) =>
    texts.map((text) => ({ kind, ...ofIssuer(text, issuers) }));
  return [
    ...withKind('secret', set.JWT_SECRET === undefined ? [] : splitSecrets(set.JWT_SECRET, MIN_SECRET_BYTES)),
    ...withKind('public', set.JWT_PUBLIC_KEY === undefined ? [] : splitKeys(set.JWT_PUBLIC_KEY)),
    ...withKind('jwks', set.JWKS_URL ?? []),
  ];
}

/** Reads `issuer=value` with one of the issuers (the longest that matches), otherwise a value for all issuers. */
function ofIssuer(text: string, issuers: readonly string[]): OfIssuer {
  const [issuer] = issuers.filter((name) => text.startsWith(`${name}=`)).sort((a, b) => b.length - a.length);
  return issuer === undefined ? { issuer: null, value: text } : { issuer, value: text.slice(issuer.length + 1) };
}

/**
 * Several secrets, separated by commas or line breaks, the newest first. A secret may contain a comma: if any part has
 * fewer than `minBytes` bytes, the whole text is one secret.
 */
export function splitSecrets(text: string, minBytes: number): string[] {
  const parts = text.split(SECRET_SEPARATOR).map((part) => part.trim());
  const filled = parts.filter((part) => part !== '');
  return filled.length > 1 && filled.every((part) => Buffer.byteLength(part) >= minBytes) ? filled : [text];
}

/** PEM blocks one after another, or base64 texts separated by commas, or one JWK or JWK Set. */
export function splitKeys(text: string): string[] {
  const unquoted = text.trim().replace(/^(["'])([\s\S]*)\1$/, '$2');
  const parts = unquoted.includes('-----BEGIN')
    ? unquoted.split(/(?<=-----END [A-Z0-9 ]{1,40}-----)/)
    : unquoted.split(unquoted.includes('{') ? /$^/ : ',');
  return parts.map((part) => part.replace(/^(\\[nr]|[\s,])+|(\\[nr]|[\s,])+$/g, '')).filter((part) => part !== '');
}

/** RFC 8725, section 3.8: a key verifies only the tokens of its own issuer. */
function keyErrors(keys: readonly VerificationKey[], issuers: readonly string[]): string[] {
  const errors: string[] = [];
  const urls = keys.filter(({ kind }) => kind === 'jwks');
  for (const { value } of urls) {
    if (/=https?:/.test(value)) errors.push('JWKS_URL: the text before = is not an issuer in JWT_ISSUER');
    else if (!isHttpUrl(value)) errors.push(`JWKS_URL: ${HTTP_URL_FORM}`);
  }
  if (urls.length > 1 && issuers.length === 0)
    errors.push('JWKS_URL: several URLs need JWT_ISSUER, and issuer=… in front of each');
  const owners = urls.map(({ issuer }) => issuer);
  if (issuers.length > 0 && new Set(owners).size < owners.length) errors.push('JWKS_URL: each issuer has one URL');
  if (issuers.length > 1 && keys.length > 1) {
    const unnamed = new Set(keys.filter(({ issuer }) => issuer === null).map(({ kind }) => KEY_SETTINGS[kind]));
    for (const name of unnamed)
      errors.push(`${name}: JWT_ISSUER has several issuers, so write issuer=… in front of each value`);
  }
  const everyIssuerHasOne = keys.length === 0 || keys.some(({ issuer }) => issuer === null);
  const without = everyIssuerHasOne ? [] : issuers.filter((name) => !keys.some(({ issuer }) => issuer === name));
  if (without.length > 0)
    errors.push('JWT_ISSUER: each issuer needs a key: issuer=… in JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL');
  return errors;
}

function productionErrors(keys: readonly VerificationKey[]): string[] {
  if (keys.length === 0) return ['JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URL: one is required in production'];
  const isShort = keys.some(({ kind, value }) => kind === 'secret' && Buffer.byteLength(value) < MIN_SECRET_BYTES);
  return isShort ? [`JWT_SECRET: must have at least ${MIN_SECRET_BYTES} bytes in production`] : [];
}
