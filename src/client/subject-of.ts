/** Whose token it is (RFC 7519, section 4.1.2): the same after it is renewed. Undefined if it does not say. */
export function subjectOf(bearer: string | undefined): unknown {
  try {
    const [, claims = ''] = bearer?.split('.') ?? [];
    const { iss, sub } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/')));
    return [iss, sub];
  } catch {
    return undefined;
  }
}
