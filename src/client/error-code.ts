/** What the service answers: the table in docs/api.md. */
export type ServiceCode =
  | ('invalid-request' | 'unauthenticated' | 'forbidden' | 'not-your-object' | 'quota-exceeded')
  | ('file-not-found' | 'object-not-found' | 'upload-not-found' | 'route-not-found' | 'method-not-allowed')
  | ('encrypted-file' | 'conflict' | 'body-too-large' | 'file-too-large' | 'content-type-not-allowed')
  | ('unsupported-media-type' | 'range-not-satisfiable' | 'verification-failed' | 'file-rejected' | 'rate-limited')
  | ('internal-error' | 'storage-unavailable' | 'database-unavailable' | 'stopping')
  | ('application-unavailable' | 'keys-unavailable');

/** What the client finds itself. */
export type ClientCode =
  | ('network-error' | 'blocked-by-cors' | 'invalid-url' | 'invalid-token')
  | ('unexpected-answer' | 'bucket-refused' | 'file-changed' | 'not-prepared');

/** `SignpostError.code`: those of today, and any other that a newer service may have. */
export type ErrorCode = ServiceCode | ClientCode | (string & Record<never, never>);
