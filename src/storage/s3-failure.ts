/** What the service reads of an error answer of the bucket. The AWS SDK's errors and `S3Error` have these fields. */
type S3Failure = Error & {
  /** S3's error code, as `NoSuchKey`. For a HEAD, whose answer has no body: `NotFound` or `Unknown`. */
  name: string;
  readonly $metadata: { readonly httpStatusCode: number };
};

/** An error answer to one of the service's own requests, as the AWS SDK throws it. */
export class S3Error extends Error {
  readonly $fault: 'client' | 'server';
  readonly $metadata: { readonly httpStatusCode: number };

  /** @param text the answer's body, XML from a bucket (S3 API Reference, "REST error responses"). */
  constructor(status: number, text: string) {
    super(elementOf(text, 'Message') ?? 'UnknownError');
    this.name = elementOf(text, 'Code') ?? (status === 404 ? 'NotFound' : 'Unknown');
    this.$fault = status < 500 ? 'client' : 'server';
    this.$metadata = { httpStatusCode: status };
  }
}

/** Whether the bucket answered with an error, to the SDK's request or to the service's own. */
export function isS3Failure(error: unknown): error is S3Failure {
  if (!(error instanceof Error) || !('$fault' in error) || !('$metadata' in error)) return false;
  const { $metadata } = error;
  return typeof $metadata === 'object' && $metadata !== null && 'httpStatusCode' in $metadata;
}

/** The bucket's status; undefined for any other error. */
export function statusOf(error: unknown): number | undefined {
  return isS3Failure(error) ? error.$metadata.httpStatusCode : undefined;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The text of the first element with this name in `Error`. */
function elementOf(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<Error[\\s>][\\s\\S]*?<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  return text?.trim().replace(/&(amp|lt|gt|quot|apos);/g, (_, entity: string) => ENTITIES[entity] ?? '');
}
