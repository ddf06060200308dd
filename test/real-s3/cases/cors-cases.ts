import type { Step } from '../compare-stores.ts';
import { type Case, contentMd5, put } from './case.ts';

export function corsCases(): Case[] {
  const rules =
    '<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod><AllowedHeader>x-amz-*</AllowedHeader><AllowedHeader>content-type</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds></CORSRule></CORSConfiguration>';
  const preflight = (headers: Record<string, string>): Step => ({
    method: 'OPTIONS',
    at: '/cors',
    headers,
    isUnsigned: true,
  });
  const [origin, method] = [{ origin: 'https://a.example' }, { 'access-control-request-method': 'PUT' }];
  const requests: [string, Step][] = [
    ['allowed', preflight({ ...origin, ...method })],
    [
      'allowed with headers',
      preflight({ ...origin, ...method, 'access-control-request-headers': 'x-amz-meta-a, content-type' }),
    ],
    ['of another origin', preflight({ origin: 'https://b.example', ...method })],
    ['of another method', preflight({ ...origin, 'access-control-request-method': 'DELETE' })],
    ['of other headers', preflight({ ...origin, ...method, 'access-control-request-headers': 'x-other' })],
    ['without an origin', preflight(method)],
    ['without a method', preflight(origin)],
    ['skipped: GET', { at: '/cors', headers: origin }],
    ['skipped: GET of another origin', { at: '/cors', headers: { origin: 'https://b.example' } }],
    ['skipped: GET of a missing object', { at: '/cors-missing', headers: origin }],
  ];
  const on: Step[] = [{ method: 'PUT', at: '?cors', text: rules, headers: contentMd5(rules) }, put('cors')];
  return [
    ...requests.map(([name, step]) => ({ name: `a preflight ${name}`, steps: [...on, step] })),
    {
      name: 'no CORS',
      steps: [{ method: 'DELETE', at: '?cors' }, { at: '?cors' }, preflight({ ...origin, ...method })],
    },
  ];
}
