import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { answerPreflight, corsHeaders } from './cors-headers.ts';
import { findOperation } from './find-operation.ts';
import { withHoistedHeaders } from './hoisted-headers.ts';
import { isFormPost, postObject } from './operations/post-object.ts';
import { isAnonymousRead, readPublicly } from './operations/read-publicly.ts';
import { isPublic } from './policy/public-read.ts';
import type { S3Answer } from './s3-call.ts';
import { renderError, S3Error } from './s3-error.ts';
import { readRequest } from './s3-request.ts';
import { type SigningKeys, verifySignature } from './signature/verify-signature.ts';
import { hasCode } from './store/durable-files.ts';
import type { Store } from './store/store.ts';

/** How long the rest of a refused body is read and discarded, so that the client can read the refusal. */
const DRAIN_MILLISECONDS = 30_000;
/** A connection is closed after this long without traffic, as on S3. */
export const IDLE_MILLISECONDS = 60_000;

export type S3Context = {
  store: Store;
  keys: SigningKeys;
  now: () => Date;
  /** How long the fields of a form may take to arrive. */
  headTimeoutMilliseconds: number;
  /** Called for errors that are not the client's fault. */
  onError: (error: unknown) => void;
};

/** Answers one request; never rejects. `waits` is true when the client sends its body after `100 Continue` only. */
export async function handleRequest(
  context: S3Context,
  incoming: IncomingMessage,
  response: ServerResponse,
  waits: boolean,
): Promise<void> {
  const requestId = randomBytes(8).toString('hex').toUpperCase();
  response.setHeader('x-amz-request-id', requestId);
  let waiting = waits;
  async function* readBody(): AsyncIterable<Buffer> {
    if (waiting) response.writeContinue();
    waiting = false;
    // The connection must outlive a refusal in mid-body: it carries the error.
    yield* incoming.iterator({ destroyOnReturn: false });
    // From here the client waits for the disk, which does not count as idle.
    incoming.setTimeout(0);
  }
  try {
    const answer = await answerRequest(context, incoming, response, readBody());
    if (waiting) response.setHeader('connection', 'close');
    await sendAnswer(response, answer, incoming.method === 'HEAD');
  } catch (error) {
    const refusal = toS3Error(error);
    // The client has disconnected: there is nothing to report or answer.
    if (response.destroyed || incoming.errored !== null) return;
    if (refusal.status >= 500 && refusal.code !== 'NotImplemented') context.onError(error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (waiting) response.setHeader('connection', 'close');
    const resource = (incoming.url ?? '').replace(/\?.*$/s, '');
    const headers = [...refusal.headers, ['content-type', 'application/xml'] as const];
    const body = renderError(refusal, resource, requestId);
    await sendAnswer(response, { status: refusal.status, headers, body }, incoming.method === 'HEAD');
    drain(incoming);
  }
}

async function answerRequest(
  { store, keys, now, headTimeoutMilliseconds }: S3Context,
  incoming: IncomingMessage,
  response: ServerResponse,
  body: AsyncIterable<Buffer>,
): Promise<S3Answer> {
  const request = readRequest(incoming, body);
  if (request.method === 'OPTIONS') return answerPreflight(store, request);
  // Set before anything can be refused: without these headers, a browser hides the error from the page.
  for (const [name, value] of await corsHeaders(store, request)) response.setHeader(name, value);
  const startedAt = now();
  const call = { request, store, region: keys.region, now: startedAt };
  // A form carries its signature in its fields.
  if (isFormPost(request)) {
    return postObject({ ...call, payload: { kind: 'unsigned' } }, keys, headTimeoutMilliseconds);
  }
  if (isAnonymousRead(request) && (await isPublic(store, request))) return readPublicly(call);
  const payload = verifySignature(request, keys, startedAt);
  const asHeaders = withHoistedHeaders(request);
  const operation = findOperation(asHeaders);
  return operation({ ...call, request: asHeaders, payload });
}

async function sendAnswer(response: ServerResponse, answer: S3Answer, isHead: boolean): Promise<void> {
  const { status, headers, body } = answer;
  response.statusCode = status;
  for (const [name, value] of headers) response.setHeader(name, value);
  if (body === undefined || Buffer.isBuffer(body)) {
    if (!isHead && status !== 204 && status !== 304) response.setHeader('content-length', body?.length ?? 0);
    response.end(isHead ? undefined : body);
    return;
  }
  response.setTimeout(IDLE_MILLISECONDS);
  try {
    await pipeline(body.chunks, response);
  } finally {
    await body.close();
  }
}

function drain(incoming: IncomingMessage): void {
  if (incoming.complete) return;
  incoming.resume();
  const timer = setTimeout(() => incoming.destroy(), DRAIN_MILLISECONDS);
  incoming.once('close', () => clearTimeout(timer));
}

function toS3Error(error: unknown): S3Error {
  if (error instanceof S3Error) return error;
  if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) return new S3Error('SlowDown');
  return new S3Error('InternalError');
}
