import { hmac } from './sign-raw.ts';

export type FormFile = { name: string; type: string; body: string | Buffer };

type Keys = { region: string; accessKeyId: string; secretAccessKey: string };

/** Conditions that require exactly these values of a form's fields. */
export function exactConditions(bucket: string, fields: Record<string, string>): unknown[] {
  return [{ bucket }, ...Object.entries(fields).map(([name, value]) => ({ [name]: value }))];
}

/** The fields of a form with its policy and its signature. `more` may replace any of the policy's own members. */
export function signForm(
  keys: Keys,
  fields: Record<string, string>,
  conditions: readonly unknown[],
  more: Record<string, unknown> = {},
): Record<string, string> {
  const timestamp = new Date().toISOString().replace(/[-:]|\.[0-9]{3}/g, '');
  const scope = `${timestamp.slice(0, 8)}/${keys.region}/s3/aws4_request`;
  const signing = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${keys.accessKeyId}/${scope}`,
    'x-amz-date': timestamp,
  };
  const document = {
    expiration: new Date(Date.now() + 3_600_000).toISOString(),
    conditions: [...conditions, ...Object.entries(signing).map(([name, value]) => ({ [name]: value }))],
    ...more,
  };
  const policy = Buffer.from(JSON.stringify(document)).toString('base64');
  const key = scope
    .split('/')
    .reduce<Buffer | string>((secret, part) => hmac(secret, part), `AWS4${keys.secretAccessKey}`);
  return { ...fields, ...signing, policy, 'x-amz-signature': hmac(key, policy).toString('hex') };
}

/** The form as a browser sends it: its fields, then its file, if it has one. */
export function encodeForm(fields: Record<string, string>, file: FormFile | null) {
  const boundary = '----formboundary7MA4YWxkTrZu0gW';
  const parts = Object.entries(fields).map(([name, value]) =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
  );
  if (file !== null) {
    const disposition = `form-data; name="file"; filename="${file.name}"`;
    const head = `--${boundary}\r\nContent-Disposition: ${disposition}\r\nContent-Type: ${file.type}\r\n\r\n`;
    parts.push(Buffer.from(head), Buffer.from(file.body), Buffer.from('\r\n'));
  }
  const body = Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body };
}
