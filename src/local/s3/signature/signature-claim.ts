import { S3Error } from '../s3-error.ts';

/** What a request says about its own signature. */
export type SignatureClaim = {
  accessKeyId: string;
  /** `YYYYMMDD/region/s3/aws4_request`. */
  scope: string;
  /** Lower-case, sorted, each once. */
  signedHeaders: string[];
  /** Lower-case hex. */
  signature: string;
  /** `YYYYMMDDTHHMMSSZ`. */
  timestamp: string;
  /** The last line of the canonical request: hex, or a word such as UNSIGNED-PAYLOAD. */
  payloadHash: string;
};

/** The parts of `<key id>/<YYYYMMDD>/<region>/<service>/aws4_request`, or null. A key id may hold slashes. */
export function parseCredential(credential: string) {
  const [, accessKeyId, date, region, service] =
    /^(.+)\/([0-9]{8})\/([^/]+)\/([^/]+)\/aws4_request$/.exec(credential) ?? [];
  if (accessKeyId === undefined || date === undefined || region === undefined || service === undefined) return null;
  return { accessKeyId, date, region, service, scope: `${date}/${region}/${service}/aws4_request` };
}

/** The names of a `SignedHeaders` value, sorted; null when they are not lower-case header names or repeat. */
export function parseSignedHeaders(value: string): string[] | null {
  const names = value.split(';');
  const unique = new Set(names);
  const valid = names.every((name) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name));
  return valid && unique.size === names.length ? names.sort() : null;
}

/** Milliseconds since the epoch of a `YYYYMMDDTHHMMSSZ` timestamp; null when it is not one. */
export function parseTimestamp(timestamp: string): number | null {
  if (!/^[0-9]{8}T[0-9]{6}Z$/.test(timestamp)) return null;
  const iso = timestamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const milliseconds = Date.parse(iso);
  return Number.isNaN(milliseconds) ? null : milliseconds;
}

/** `YYYYMMDDTHHMMSSZ`. */
export function formatTimestamp(date: Date): string {
  return date.toISOString().replace(/[-:]|\.[0-9]{3}/g, '');
}

/** The error in a credential's scope, in S3's words; null if the scope is valid. */
export function scopeProblem(
  credential: { date: string; region: string; service: string },
  timestamp: string,
  region: string,
): { message: string; details: Record<string, string> } | null {
  if (credential.date !== timestamp.slice(0, 8)) {
    const dates = `"${credential.date}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`;
    return { message: `Invalid credential date ${dates}`, details: {} };
  }
  if (credential.region !== region) {
    const message = `the region '${credential.region}' is wrong; expecting '${region}'`;
    return { message, details: { Region: region } };
  }
  if (credential.service !== 's3') {
    return { message: `incorrect service "${credential.service}". This endpoint belongs to "s3".`, details: {} };
  }
  return null;
}

/** The error for Signature Version 2, in a header, a query or a form. */
export function unsupportedVersion(): S3Error {
  return new S3Error(
    'InvalidRequest',
    'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
  );
}

/** The error for a session token: this store has no sessions, so none is valid. */
export function unknownSession(): S3Error {
  const message = 'There are no temporary credentials here: sign with the access key alone, without a session token.';
  return new S3Error('InvalidToken', message);
}
