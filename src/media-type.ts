/**
 * `type/subtype` and parameters (RFC 9110, section 8.3.1), in the visible ASCII and single spaces that a signed header
 * carries unchanged.
 */
export const MEDIA_TYPE_PATTERN =
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+( ?; ?[\w!#$&^.+-]+=([\w!#$&^.+-]+|"[\w !#$&^.+,:/-]*"))*$/;

/** The media type without its parameters, in lower case. */
export function essence(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase();
}
