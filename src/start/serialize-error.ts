/** The parameters that Drizzle adds to its message after the query: names, keys, metadata. */
const QUERY_PARAMETERS = /\nparams: [\s\S]*?(?=\n {4}at |$)/;

/**
 * Name, message, code, stack and cause only: other properties of drivers' and SDKs' errors may hold a signature (S3's
 * SignatureDoesNotMatch repeats it) or a row.
 */
export function serializeError(error: unknown): unknown {
  // A WebSocket's error event is not an Error, but has a message.
  if (!(error instanceof Error)) {
    const event = typeof error === 'object' && error !== null ? error : {};
    if ('error' in event && event.error !== undefined) return serializeError(event.error);
    return { message: String('message' in event ? event.message : error) };
  }
  const { name, cause } = error;
  const [message, stack] = [error.message, error.stack ?? ''].map((text) => text.replace(QUERY_PARAMETERS, ''));
  const code = 'code' in error ? error.code : undefined;
  return { name, message, code, stack, ...(cause !== undefined && { cause: serializeError(cause) }) };
}
