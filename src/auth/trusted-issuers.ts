import type { AuthConfig, OfIssuer } from '../config/auth-config.ts';
import { type KeySource, openVerificationKey } from './verification-key.ts';

/** An issuer whose tokens are accepted: its keys, and the claims that must match. */
export type TrustedIssuer = {
  sources: readonly KeySource[];
  constraints: { clockTolerance: number; issuer?: string; audience?: string[] };
  /** Empty: not checked. */
  clientIds: readonly string[];
};

/** `only`: the single issuer; null if there are several, and a token's `iss` selects one. */
type TrustedIssuers = { only: TrustedIssuer | null; byName: ReadonlyMap<string, TrustedIssuer> };

type IssuerSettings = Pick<
  AuthConfig,
  'keys' | 'issuers' | 'audiences' | 'clientIds' | 'algorithms' | 'clockToleranceSeconds'
>;

/**
 * Opens each key once and gives every issuer its own keys, so that no issuer's key verifies a token of another issuer
 * (RFC 8725, section 3.8).
 * @throws {Error} naming JWT_PUBLIC_KEY or JWT_ALGORITHMS.
 */
export async function openIssuers(
  settings: IssuerSettings,
  options: Parameters<typeof openVerificationKey>[1],
): Promise<TrustedIssuers> {
  const { keys, issuers, audiences, clientIds, algorithms, clockToleranceSeconds } = settings;
  const opened = new Map<string, Promise<KeySource[]>>();
  for (const { kind, value } of keys) {
    const name = `${kind} ${value}`;
    if (!opened.has(name)) opened.set(name, openVerificationKey({ kind, value }, options));
  }
  const sources = await Promise.all(
    keys.map(async ({ kind, value, issuer }) => ({ issuer, sources: (await opened.get(`${kind} ${value}`)) ?? [] })),
  );
  checkAlgorithms(
    sources.flatMap((key) => key.sources),
    algorithms,
  );

  const trust = (name: string | undefined): TrustedIssuer => {
    const isTheirs = ({ issuer }: { issuer: string | null }) => issuer === null || issuer === name;
    const valuesOf = (all: readonly OfIssuer[]) => all.filter(isTheirs).map(({ value }) => value);
    const audience = valuesOf(audiences);
    return {
      sources: sources.filter(isTheirs).flatMap((key) => key.sources.map((source) => narrowed(source, algorithms))),
      constraints: {
        clockTolerance: clockToleranceSeconds,
        ...(name !== undefined && { issuer: name }),
        ...(audience.length > 0 && { audience }),
      },
      clientIds: valuesOf(clientIds),
    };
  };
  return {
    only: issuers.length > 1 ? null : trust(issuers[0]),
    byName: new Map(issuers.map((name) => [name, trust(name)])),
  };
}

/** @throws {Error} if an algorithm fits no key, or a key has no algorithm left. */
function checkAlgorithms(sources: readonly KeySource[], wanted: readonly string[] | undefined): void {
  if (wanted === undefined) return;
  const possible = new Set(sources.flatMap(({ algorithms }) => algorithms));
  const isWhole = sources.every((source) => narrowed(source, wanted).algorithms.length > 0);
  if (isWhole && wanted.every((algorithm) => possible.has(algorithm))) return;
  const those = sources.length > 1 ? 'each key needs one; these keys support' : 'this key supports';
  throw new Error(`JWT_ALGORITHMS: ${those} ${[...possible].join(', ')}`);
}

function narrowed(source: KeySource, wanted: readonly string[] | undefined): KeySource {
  if (wanted === undefined) return source;
  return { ...source, algorithms: source.algorithms.filter((algorithm) => wanted.includes(algorithm)) };
}
