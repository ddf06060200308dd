import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { errorOf, PRODUCTION } from './production-settings.ts';

describe('a value as Docker and Kubernetes hand it over', () => {
  it.each([
    'JWT_SECRET',
    'JWT_ISSUER',
    'JWT_AUDIENCE',
    'JWT_USER_CLAIM',
    'JWT_ALGORITHMS',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'UPLOAD_ID_SECRET',
    'EVENTS_SECRET',
    'SSE_KMS_KEY_ID',
    'ALLOWED_CONTENT_TYPES',
  ])('is refused in quotes, which would be part of it: %s', (name) => {
    for (const quote of [`"`, `'`])
      expect(errorOf({ ...PRODUCTION, [name]: quote + 'x'.repeat(40) + quote })).toContain(`${name}: must not be in q`);
  });

  it.each([
    'JWT_SECRET',
    'JWT_USER_CLAIM',
    'JWT_OWNER_CLAIM',
    'AWS_ACCESS_KEY_ID',
    'AWS_SECRET_ACCESS_KEY',
    'AWS_SESSION_TOKEN',
    'UPLOAD_ID_SECRET',
    'EVENTS_SECRET',
    'SSE_KMS_KEY_ID',
  ])('is refused with the line break of echo at its end: %s', (name) => {
    for (const end of ['\n', '\r'])
      expect(errorOf({ ...PRODUCTION, [name]: 'x'.repeat(40) + end })).toMatch(new RegExp(`^${name}: must not .*end`));
  });

  it.each([
    ' https://a.example',
    'https://a.example ',
    'https://a.example/\r',
    'https://a.exa\tmple',
    'https:/a.example',
    'https:\\\\a.example',
  ])('is no URL if only a browser would repair it: %j', (url) => {
    for (const name of ['S3_ENDPOINT', 'PUBLIC_BASE_URL', 'WEBHOOK_URL'])
      expect(errorOf({ ...PRODUCTION, [name]: url })).toContain(`${name}: must be an http or https URL`);
  });
});

describe('secrets', () => {
  const [first, second] = ['f'.repeat(32), 's'.repeat(40)];
  const valuesOf = (JWT_SECRET: string) => parseConfig({ JWT_SECRET }).auth.keys.map(({ value }) => value);

  it.each(['%s,%s', '%s, %s', '%s\n%s\n', ' %s,\n%s,'])('may be several: %j', (format) => {
    expect(valuesOf(format.replace('%s', first).replace('%s', second))).toEqual([first, second]);
  });

  it.each(['correct horse battery staple, at length', `${first},short`, ',', ` ${first} `, `${first}=,`])(
    'are one secret if a part is too short (%#)',
    (text) => {
      expect(valuesOf(text)).toEqual([text]);
    },
  );

  it('of bucket events may have 16 bytes each', () => {
    const secretsOf = (EVENTS_SECRET: string) => parseConfig({ EVENTS_SECRET }).events.secrets;
    expect(secretsOf(`${'a'.repeat(16)},${'b'.repeat(16)}`)).toEqual(['a'.repeat(16), 'b'.repeat(16)]);
    expect(secretsOf('a secret, with a comma')).toEqual(['a secret, with a comma']);
    expect(parseConfig({}).events.secrets).toEqual([]);
  });
});
