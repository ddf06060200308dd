import type { IncomingMessage } from 'node:http';
import { S3Error } from './s3-error.ts';

export type S3Request = {
  method: string;
  /** The path as it arrived, without the query. */
  rawPath: string;
  /** Decoded, with its leading slash. */
  path: string;
  /** Empty for a request to the service itself. Not yet checked. */
  bucket: string;
  /** Empty for a request to a bucket. Not yet checked. */
  key: string;
  /** Decoded, in the order they arrived. */
  query: readonly (readonly [string, string])[];
  /** Lower-case names; values as latin1 text of the bytes that arrived, duplicates joined with a comma. */
  headers: ReadonlyMap<string, string>;
  /** May be read once; reading it sends `100 Continue` where the client waits for that. */
  body: AsyncIterable<Buffer>;
};

/**
 * Reads the request line and the headers. Path-style addressing: `/bucket/key`. The path is percent-decoded and nothing
 * more: `+`, `//`, `.` and `..` stay as they are. In the query `+` is a space, as S3 reads it.
 * Throws InvalidURI for malformed percent-encoding, for bytes that are not UTF-8 and for an absolute-form target.
 */
export function readRequest(incoming: IncomingMessage, body: AsyncIterable<Buffer>): S3Request {
  const target = incoming.url ?? '';
  if (!/^\/[\x21-\x7e]*$/.test(target)) throw new S3Error('InvalidURI');
  const queryStart = target.indexOf('?');
  const rawPath = queryStart === -1 ? target : target.slice(0, queryStart);
  const [, rawBucket = '', rawKey = ''] = /^\/([^/]*)\/?(.*)$/.exec(rawPath) ?? [];
  return {
    method: incoming.method ?? '',
    rawPath,
    path: decode(rawPath),
    bucket: decode(rawBucket),
    key: decode(rawKey),
    query: queryStart === -1 ? [] : readQuery(target.slice(queryStart + 1)),
    headers: readHeaders(incoming.rawHeaders),
    body,
  };
}

/** The first value of a query parameter. */
export function queryValue(request: S3Request, name: string): string | undefined {
  return request.query.find(([other]) => other === name)?.[1];
}

function readQuery(query: string): [string, string][] {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=');
      const name = equals === -1 ? pair : pair.slice(0, equals);
      const value = equals === -1 ? '' : pair.slice(equals + 1);
      return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))];
    });
}

function readHeaders(rawHeaders: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return headers;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new S3Error('InvalidURI');
  }
}
