/** The user of a token (RFC 7519, section 4.1.2), the same after a renewal. undefined if the token names none. */
export function subjectOf(bearer: string | undefined): unknown {
  try {
    const [, claims = ''] = bearer?.split('.') ?? [];
    const { iss, sub } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/')));
    return [iss, sub];
  } catch {
    return undefined;
  }
}
