import * as z from 'zod';
import { parseScopeWords } from '../../contract/scopes.ts';
import { integer, list, optionalList, secret, text } from './kinds.ts';

export const tokenSettings = {
  JWT_SECRET: secret.optional().meta({
    description:
      'HMAC secret (HS256, HS384, HS512), at least 32 bytes in production: `openssl rand -base64 48`. Several, ' +
      'to change one without a failed request, are separated by commas or line breaks; the first signs. A comma ' +
      'in a secret is fine: if a part has fewer than 32 bytes, the whole value is one secret.',
  }),
  JWT_PUBLIC_KEY: z
    .string()
    .optional()
    .meta({
      description:
        'Public key: PEM (SPKI, PKCS #1, X.509; `\\n` for line ends is fine), several one after another; the ' +
        'base64 of it; a JWK or a JWK Set.',
    }),
  JWKS_URL: optionalList.meta({
    description: 'Where the issuer publishes its JWK Set. No redirect is followed.',
    example: 'https://issuer.example.com/.well-known/jwks.json',
  }),
  JWT_ISSUER: optionalList.meta({
    description:
      'The `iss` that every token must carry, one of these, comma-separated. With several issuers, `issuer=…` in ' +
      'front of a value of `JWT_SECRET`, `JWT_PUBLIC_KEY`, `JWKS_URL`, `JWT_AUDIENCE` or `JWT_CLIENT_IDS` says ' +
      'which issuer it belongs to.',
    fallback: 'not checked',
    example: 'https://issuer.example.com/',
  }),
  JWT_AUDIENCE: optionalList.meta({
    description: 'The `aud` (alone or in a list) that every token must carry, one of these, comma-separated.',
    fallback: 'not checked',
    example: 'signpost',
  }),
  JWT_CLIENT_IDS: optionalList.meta({
    description:
      'The client (`azp`, `client_id`, `cid`, `appid`) that every token must name, one of these, comma-separated.',
    fallback: 'not checked',
    example: 'https://app.example.com',
  }),
  JWT_ALGORITHMS: list.optional().meta({
    description: 'Comma-separated; narrows the algorithms that fit the kind of key.',
    fallback: 'those of the keys',
    example: 'RS256',
  }),
  JWT_CLOCK_TOLERANCE_SECONDS: integer(0, 300, 'seconds')
    .default(5)
    .meta({ description: 'How far the clocks of issuer and service may differ.' }),
  JWT_USER_CLAIM: text.default('sub').meta({
    description:
      'The claim with the user id; `user.id` is nested in an object. Text, or (except in `sub`) a whole number.',
  }),
  JWT_OWNER_CLAIM: text.optional().meta({
    description:
      'The claim with the owner of the files: a team, a tenant. Decide before the first file: see ' +
      '[users and owners](issuers.md#users-and-owners).',
    fallback: 'the user',
    example: 'org_id',
  }),
  JWT_SCOPE_CLAIM: optionalList.meta({
    description: 'The claims that hold scopes, comma-separated.',
    fallback: '`scope,scp`; a token without either may read and write',
    example: 'permissions',
  }),
  JWT_SCOPES: list
    .transform((items) => (items.length === 0 ? undefined : parseScopeWords(items)))
    .refine((words) => words !== null, 'must be like read:files=files:read, signpost/*, *=files:read files:write')
    .optional()
    .meta({
      description:
        "Maps the issuer's scopes to the service's, comma-separated: `read:files=files:read`, `signpost/*` for " +
        'scopes with that prefix, and `*=files:read files:write` for a token without a known scope. Where this or ' +
        '`JWT_SCOPE_CLAIM` is set, such a token has no other scope. See [scopes](issuers.md#scopes).',
      fallback: "the service's own scopes",
      example: '*=files:read files:write',
    }),
  AUTH_COOKIE: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be a cookie name of [A-Za-z0-9_.-]')
    .optional()
    .meta({
      description:
        "Name of a cookie that may carry the token: from pages of the service's own origin, or of one on the same " +
        'site that `ALLOWED_ORIGINS` names (`*` names none; of a subdomain only where the browser sends ' +
        '`Sec-Fetch-Site`). Over plain http on another machine than this one, the own origin has to be named as ' +
        'well. Call it `__Host-…`, with `Secure`, `HttpOnly` and `SameSite=Lax`.',
      fallback: 'off',
      example: '__Host-signpost',
    }),
};
