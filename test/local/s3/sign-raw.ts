import { createHash, createHmac } from 'node:crypto';
import type { RawRequest } from './s3-fixture.ts';

/**
 * Signs a request in its Authorization header: `host` and all `x-amz-*` headers, but not the body; `payload` is just
 * the value of `x-amz-content-sha256`. The path is percent-encoded, as it is sent.
 */
export function signRaw(
  url: string,
  request: RawRequest,
  keys: { region: string; accessKeyId: string; secretAccessKey: string },
  { payload = 'UNSIGNED-PAYLOAD' } = {},
): RawRequest {
  const timestamp = new Date().toISOString().replace(/[-:]|\.[0-9]{3}/g, '');
  const headers: Record<string, string> = {
    ...request.headers,
    host: new URL(url).host,
    'x-amz-date': timestamp,
    'x-amz-content-sha256': payload,
  };
  const signed = Object.keys(headers)
    .filter((name) => name === 'host' || name.startsWith('x-amz-'))
    .sort();
  const [path = '', query = ''] = request.path.split('?');
  const pairs = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return `${encode(name)}=${encode(value.join('='))}`;
    })
    .sort();
  const canonical = [
    request.method,
    path.split('/').map(encode).join('/'),
    pairs.join('&'),
    ...signed.map((name) => `${name}:${headers[name]?.trim().replace(/ +/g, ' ')}`),
    '',
    signed.join(';'),
    payload,
  ].join('\n');
  const scope = `${timestamp.slice(0, 8)}/${keys.region}/s3/aws4_request`;
  const hash = createHash('sha256').update(canonical, 'latin1').digest('hex');
  const key = scope
    .split('/')
    .reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${keys.secretAccessKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', timestamp, scope, hash].join('\n')).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${signed.join(';')}, Signature=${signature}`;
  return { ...request, headers: { ...headers, authorization } };
}

/** Text percent-encoded as Signature Version 4 requires. */
function encode(text: string): string {
  return encodeURIComponent(decodeURIComponent(text)).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** One step of Signature Version 4. */
export function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
