/**
 * Claims that differ between two tokens of one user: RFC 7519, section 4.1; OpenID Connect Core 1.0, sections 2 and
 * 3.1.3.6; and the issuers' own.
 */
const OF_ONE_TOKEN = [
  'exp',
  'iat',
  'nbf',
  'jti',
  'auth_time',
  'sid',
  'nonce',
  'acr',
  'at_hash',
  // Keycloak, Microsoft Entra, Amazon Cognito.
  'session_state',
  'aio',
  'rh',
  'uti',
  'event_id',
  'origin_jti',
];

/**
 * Whose token it is: all claims but those of the one token, since the service's settings decide which of them names the
 * user. null if that cannot be read.
 */
export function ownerOf(token: string): string | null {
  try {
    const [, payload = ''] = token.split('.');
    const claims: object = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const lasting = Object.entries(claims).filter(([name]) => !OF_ONE_TOKEN.includes(name));
    return lasting.length === 0 ? null : JSON.stringify(lasting.toSorted());
  } catch {
    return null;
  }
}
