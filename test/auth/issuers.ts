import { readFileSync } from 'node:fs';
import type { JWTPayload } from 'jose';
import { START_SECONDS } from './tokens.ts';

export const PAGE = readFileSync(new URL('../../docs/issuers.md', import.meta.url), 'utf8');

/** An issuer's settings in the table of docs/issuers.md; with `owner`, also its owner claim. */
export function documented(issuer: string, more?: 'owner'): Record<string, string> {
  const [, , settings = '', owner = ''] = PAGE.match(new RegExp(`^\\| ${issuer} \\|.*$`, 'm'))?.[0].split('|') ?? [];
  const spans = [...`${settings}${more === 'owner' ? owner : ''}`.matchAll(/`([A-Z0-9_]+)=([^`]*)`/g)];
  return Object.fromEntries(spans.map(([, name = '', value = '']) => [name, value]));
}

export type Claims = Record<string, unknown>;

type Row = {
  /** JWKS_URL is replaced. */
  env: Record<string, string>;
  claims: JWTPayload;
  user: string;
  owner?: string;
  scopes: string[];
  /** Changed claims, and the claim that the log then names. */
  refused: [Claims, string][];
};

const READ_WRITE = ['files:read', 'files:write'];

const AUTH0: JWTPayload = {
  iss: 'https://acme.eu.auth0.com/',
  sub: 'auth0|65f1c0ffee',
  aud: ['https://files.example.com', 'https://acme.eu.auth0.com/userinfo'],
  azp: 'spa-client-id',
  scope: 'openid profile email',
};

const CLERK: JWTPayload = {
  iss: 'https://clerk.example.com',
  sub: 'user_2abc',
  azp: 'https://app.example.com',
  nbf: START_SECONDS - 10,
  sid: 'sess_1',
  fva: [7, -1],
  v: 2,
  o: { id: 'org_9', rol: 'admin', slg: 'acme' },
};

const COGNITO: JWTPayload = {
  iss: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc',
  sub: '5f3c-uuid',
  client_id: 'app-client',
  username: 'alice',
  token_use: 'access',
  scope: 'aws.cognito.signin.user.admin',
};

const ENTRA: JWTPayload = {
  iss: 'https://login.microsoftonline.com/7d1c-tenant/v2.0',
  aud: 'api-client-id',
  azp: 'spa-client-id',
  scp: 'access_as_user',
  ver: '2.0',
  sub: 'pairwise',
  oid: '00aa-object',
  tid: '7d1c-tenant',
};

const FIREBASE: JWTPayload = {
  iss: 'https://securetoken.google.com/acme-prod',
  aud: 'acme-prod',
  sub: 'Xy1',
  user_id: 'Xy1',
  email: 'alice@example.com',
  firebase: { sign_in_provider: 'password', tenant: 'acme-t1', identities: {} },
};

const KEYCLOAK: JWTPayload = {
  iss: 'https://id.example.com/realms/main',
  aud: 'account',
  sub: '8a1b-uuid',
  typ: 'Bearer',
  azp: 'web',
  scope: 'profile email',
  realm_access: { roles: ['offline_access'] },
  resource_access: { 'sign.post': { roles: ['uploader'] } },
};

const OKTA: JWTPayload = {
  iss: 'https://acme.okta.com/oauth2/default',
  aud: 'api://default',
  cid: '0oa1',
  uid: '00u1',
  ver: 1,
  sub: 'alice@example.com',
  scp: ['openid', 'files:read', 'files:write'],
};

const SUPABASE: JWTPayload = {
  iss: 'https://abc.supabase.co/auth/v1',
  aud: 'authenticated',
  sub: '11d2-uuid',
  role: 'authenticated',
  aal: 'aal1',
  app_metadata: { provider: 'email', team: 'blue' },
  user_metadata: { team: 'red' },
};

const WORKOS: JWTPayload = {
  iss: 'https://api.workos.com/user_management/client_1',
  sub: 'user_01H',
  sid: 'session_1',
  org_id: 'org_01H',
  role: 'member',
  permissions: ['files:read', 'posts:write'],
};

/** What each issuer puts into its tokens, and what becomes of it. */
export const ISSUERS: Record<string, Row> = {
  'Auth0, as a login gives them': {
    env: documented('Auth0'),
    claims: AUTH0,
    user: 'auth0|65f1c0ffee',
    scopes: READ_WRITE,
    refused: [
      [{ aud: ['https://other.example.com', 'https://acme.eu.auth0.com/userinfo'] }, 'aud'],
      [{ iss: 'https://acme.eu.auth0.com' }, 'iss'],
    ],
  },
  'Auth0 with RBAC and an organization': {
    env: { ...documented('Auth0', 'owner'), JWT_SCOPES: '', JWT_SCOPE_CLAIM: 'permissions' },
    claims: { ...AUTH0, permissions: ['files:read'], org_id: 'org_x1' },
    user: 'auth0|65f1c0ffee',
    owner: 'org_x1',
    scopes: ['files:read'],
    refused: [
      [{ org_id: undefined }, 'org_id'],
      [{ org_id: ['org_x1'] }, 'org_id'],
    ],
  },
  Clerk: {
    env: documented('Clerk'),
    claims: CLERK,
    user: 'user_2abc',
    scopes: READ_WRITE,
    refused: [
      [{ azp: 'https://evil.example.com' }, 'azp'],
      [{ azp: undefined }, 'azp'],
    ],
  },
  'Clerk with organizations': {
    env: {
      ...documented('Clerk', 'owner'),
      JWT_SCOPE_CLAIM: 'o.rol',
      JWT_SCOPES: 'admin=files:write files:read',
    },
    claims: CLERK,
    user: 'user_2abc',
    owner: 'org_9',
    scopes: READ_WRITE,
    refused: [[{ o: undefined }, 'o.id']],
  },
  Cognito: {
    env: documented('Cognito'),
    claims: COGNITO,
    user: '5f3c-uuid',
    scopes: READ_WRITE,
    refused: [
      [{ client_id: 'other-app' }, 'client_id'],
      // Its ID token, which is for the application only.
      [{ client_id: undefined, scope: undefined, aud: 'app-client', token_use: 'id' }, 'azp'],
    ],
  },
  'Cognito with a resource server': {
    env: { ...documented('Cognito'), JWT_SCOPES: 'signpost/*' },
    claims: { ...COGNITO, scope: 'openid signpost/files:read other/files:write' },
    user: '5f3c-uuid',
    scopes: ['files:read'],
    refused: [[{ client_id: 'other-app' }, 'client_id']],
  },
  'Entra ID': {
    env: documented('Entra ID', 'owner'),
    claims: ENTRA,
    user: '00aa-object',
    owner: '7d1c-tenant',
    scopes: READ_WRITE,
    refused: [
      [{ aud: '00000003-0000-0000-c000-000000000000' }, 'aud'],
      [{ iss: 'https://login.microsoftonline.com/other-tenant/v2.0' }, 'iss'],
      [{ oid: undefined }, 'oid'],
    ],
  },
  'Entra ID of a daemon': {
    env: { ...documented('Entra ID'), JWT_SCOPE_CLAIM: 'scp,roles', JWT_SCOPES: 'Files.Admin=files:admin' },
    claims: { ...ENTRA, scp: undefined, roles: ['Files.Admin'] },
    user: '00aa-object',
    scopes: ['files:read', 'files:write', 'files:judge', 'files:credentials', 'files:admin'],
    refused: [[{ aud: 'another' }, 'aud']],
  },
  Firebase: {
    env: documented('Firebase'),
    claims: FIREBASE,
    user: 'Xy1',
    scopes: READ_WRITE,
    refused: [
      [{ aud: 'another-project' }, 'aud'],
      [{ iss: 'https://securetoken.google.com/another-project' }, 'iss'],
    ],
  },
  'Firebase, of a user who has not signed in': {
    env: {
      ...documented('Firebase'),
      JWT_SCOPE_CLAIM: 'firebase.sign_in_provider',
      JWT_SCOPES: 'password=files:read files:write',
    },
    claims: { ...FIREBASE, provider_id: 'anonymous', firebase: { sign_in_provider: 'anonymous', identities: {} } },
    user: 'Xy1',
    scopes: [],
    refused: [],
  },
  'Firebase with tenants': {
    env: documented('Firebase', 'owner'),
    claims: FIREBASE,
    user: 'Xy1',
    owner: 'acme-t1',
    scopes: READ_WRITE,
    refused: [[{ firebase: {} }, 'firebase.tenant']],
  },
  Keycloak: {
    env: documented('Keycloak'),
    claims: KEYCLOAK,
    user: '8a1b-uuid',
    scopes: READ_WRITE,
    refused: [
      [{ azp: 'admin-cli' }, 'azp'],
      // A lightweight access token without the mapper for sub.
      [{ sub: undefined }, 'sub'],
    ],
  },
  'Keycloak with roles of a client whose name has a dot': {
    env: {
      ...documented('Keycloak'),
      JWT_SCOPE_CLAIM: 'resource_access.sign.post.roles',
      JWT_SCOPES: 'uploader=files:write,reader=files:read',
    },
    claims: KEYCLOAK,
    user: '8a1b-uuid',
    scopes: ['files:write'],
    refused: [[{ azp: 'admin-cli' }, 'azp']],
  },
  Okta: {
    env: documented('Okta'),
    claims: OKTA,
    user: '00u1',
    scopes: READ_WRITE,
    refused: [
      [{ aud: 'https://acme.okta.com' }, 'aud'],
      [{ cid: '0oa2' }, 'cid'],
      // A machine's token has no uid.
      [{ uid: undefined, sub: '0oa1' }, 'uid'],
    ],
  },
  Supabase: {
    env: documented('Supabase', 'owner'),
    claims: SUPABASE,
    user: '11d2-uuid',
    owner: 'blue',
    scopes: READ_WRITE,
    refused: [
      // The anonymous key, which is public.
      [{ iss: 'supabase', aud: undefined, sub: undefined, role: 'anon' }, 'aud'],
      [{ app_metadata: {} }, 'app_metadata.team'],
    ],
  },
  WorkOS: {
    env: { ...documented('WorkOS', 'owner'), JWT_SCOPE_CLAIM: 'permissions' },
    claims: WORKOS,
    user: 'user_01H',
    owner: 'org_01H',
    scopes: ['files:read'],
    refused: [
      [{ iss: 'https://api.workos.com/user_management/client_2' }, 'iss'],
      [{ org_id: undefined }, 'org_id'],
    ],
  },
  'an issuer of numbers, within an object': {
    env: { JWT_USER_CLAIM: 'user.id', JWT_OWNER_CLAIM: 'https://example.com/team_id' },
    claims: { user: { id: 42 }, 'https://example.com/team_id': 7 },
    user: '42',
    owner: '7',
    scopes: READ_WRITE,
    refused: [
      [{ user: { id: 42.5 } }, 'user.id'],
      [{ user: { id: 2 ** 53 } }, 'user.id'],
      [{ user: { id: true } }, 'user.id'],
      [{ user: [{ id: 42 }] }, 'user.id'],
      [{ user: 'id' }, 'user.id'],
      [{ 'https://example.com/team_id': null }, 'https://example.com/team_id'],
    ],
  },
};
