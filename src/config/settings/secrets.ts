/** RFC 7518, section 3.2: an HS256 key has at least the size of the hash. */
export const MIN_SECRET_BYTES = 32;
/** Of a secret that comes as a bearer token. */
export const MIN_EVENTS_SECRET_BYTES = 16;
