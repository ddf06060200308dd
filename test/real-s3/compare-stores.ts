import { type RawAnswer, type RawRequest, sendRaw } from '../local/s3/s3-fixture.ts';
import { signRaw } from '../local/s3/sign-raw.ts';

export type Store = { url: string; region: string; accessKeyId: string; secretAccessKey: string };

/**
 * One request of a case. `{bucket}` stands for the bucket; `{upload}`, `{token}`, `{version}` and `{etag}` for the
 * upload id, continuation token, version id and ETag that the store returned last.
 */
export type Step = Partial<RawRequest> & {
  /** The key and query after the bucket's name, percent-encoded. */
  at: string;
  text?: string;
  /** The value of `x-amz-content-sha256`. Default: `UNSIGNED-PAYLOAD`. */
  payload?: string;
  /** ETags are not compared. */
  isEtagOpen?: boolean;
  /** Sent without a signature. */
  isUnsigned?: boolean;
  /** Changes the request after it was signed. */
  tamper?: (request: RawRequest) => RawRequest;
};

/** What two stores must agree on. */
export type Outcome = { status: number; code: string | undefined; headers: Record<string, string>; body: string };

const COMPARED_HEADERS =
  /^(?:etag|content-(?:type|length|range|disposition|encoding|language)|accept-ranges|cache-control|expires|x-amz-meta-.*|x-amz-tagging-count|x-amz-server-side-encryption(?:-customer-(?:algorithm|key-md5))?|x-amz-mp-parts-count)$/;

const COMPARED_ELEMENTS =
  /<(Key|Prefix|Delimiter|StartAfter|ETag|Size|PartNumber|IsTruncated|KeyCount|MaxKeys|MaxParts|NextPartNumberMarker|PartNumberMarker|Value|Code|Bucket|Name|EncodingType|Marker|NextMarker|KeyMarker|IsLatest|Status|LocationConstraint|Permission)>(.*?)<\/\1>/gs;

/** Sends a case's steps to a store one after the other, and returns the outcome of each. */
export async function runSteps(store: Store, bucket: string, steps: readonly Step[]): Promise<Outcome[]> {
  const memory = new Map([['bucket', bucket]]);
  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (whole, name) => memory.get(name) ?? whole);
  const outcomes: Outcome[] = [];
  for (const {
    at,
    text,
    payload,
    isEtagOpen,
    isUnsigned,
    tamper = (request: RawRequest) => request,
    ...step
  } of steps) {
    const headers = Object.entries(step.headers ?? {}).map(([name, value]) => [name, fill(value)]);
    const request: RawRequest = {
      method: step.method ?? 'GET',
      path: fill(`/{bucket}${at}`),
      headers: Object.fromEntries(headers),
      ...(step.body && { body: step.body }),
      ...(text !== undefined && { body: Buffer.from(fill(text)) }),
    };
    const signed = isUnsigned ? request : signRaw(store.url, request, store, { ...(payload && { payload }) });
    const answer = await sendRaw(store.url, tamper(signed));
    const xml = answer.body.toString();
    const learned = {
      version: answer.headers['x-amz-version-id'] as string | undefined,
      etag: answer.headers.etag,
      upload: /<UploadId>(.*?)<\/UploadId>/.exec(xml)?.[1],
      token: encodeURIComponent(/<NextContinuationToken>(.*?)<\/NextContinuationToken>/.exec(xml)?.[1] ?? ''),
    };
    for (const [name, value] of Object.entries(learned)) if (value !== undefined) memory.set(name, value);
    const outcome = describeAnswer(answer, request.method);
    outcomes.push(isEtagOpen ? withoutEtags(outcome) : outcome);
  }
  return outcomes;
}

function withoutEtags({ headers: { etag: _, ...headers }, body, ...outcome }: Outcome): Outcome {
  return { ...outcome, headers, body: body.replace(/^ETag=.*$/gm, 'ETag') };
}

function describeAnswer({ status, headers, body, code }: RawAnswer, method: string): Outcome {
  const text = body.toString();
  const isDocument = text.startsWith('<');
  const names = Object.keys(headers).filter((name) => {
    // For a refusal, only the code is compared; for a document, its elements; for a write, the ETag.
    if (name.startsWith('access-control-')) return true;
    if (status >= 300 || !COMPARED_HEADERS.test(name)) return false;
    // Ceph 16 omits it after a POST.
    if (name === 'etag') return method !== 'POST';
    return !isDocument && (method === 'GET' || method === 'HEAD');
  });
  return {
    status,
    code: method === 'HEAD' ? undefined : code,
    headers: Object.fromEntries(names.map((name) => [name, String(headers[name])])),
    body: status >= 300 ? '' : describeBody(text, method),
  };
}

function describeBody(text: string, method: string): string {
  if (!text.startsWith('<')) return text;
  // An empty element equals a missing one, and ETags may have quotes.
  return [...text.matchAll(COMPARED_ELEMENTS)]
    .map(([, name, value]) => `${name}=${decode(value).replaceAll('"', '')}`)
    .filter((line) => !line.endsWith('=') && !(method === 'POST' && line.startsWith('ETag=')))
    .sort()
    .join('\n');
}

function decode(text = ''): string {
  return text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
