/** RFC 7518, section 3.2: an HS256 key is at least as long as the hash. */
export const MIN_SECRET_BYTES = 32;
/** The minimum length of a secret sent as a bearer token. */
export const MIN_EVENTS_SECRET_BYTES = 16;
