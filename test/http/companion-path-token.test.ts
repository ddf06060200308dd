import { describe, expect, it } from 'vitest';
import { mint } from '../helpers/test-service.ts';
import { type Params, service } from './companion-calls.ts';

describe('/t/<token>/s3', () => {
  const at = (token: string, path: string, init?: RequestInit) => service.app.request(`/t/${token}${path}`, init);
  const soon = (seconds: number) => ({ exp: Math.floor(Date.now() / 1000) + seconds });

  it('is authenticated by the token, which never reaches logs or referrers', async () => {
    const token = await mint('alice', soon(3600));
    service.logs.length = 0;
    const response = await at(token, '/s3/params?filename=a.txt&type=text%2Fplain');
    expect(response.status).toBe(200);
    expect(((await response.json()) as Params).fields.key).toMatch(/^alice\//);
    expect(response.headers.get('referrer-policy')).toBe('no-referrer');
    expect((await at(token, '/s3/multipart/x/1?key=bob/a')).status).toBe(403);
    const sign = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"method":"PUT","key":"a"}',
    };
    expect((await at(token, '/sign-request', sign)).status).toBe(200);
    expect(service.logs.map(({ fields }) => fields.path)).toEqual(['/s3/params', '/s3/multipart/x/1', '/sign-request']);
    expect(JSON.stringify(service.logs)).not.toContain(token);
  });

  it('authenticates no other route, and is not logged there', async () => {
    const token = await mint('alice', soon(60));
    service.logs.length = 0;
    const paths = ['/files', '/presign-upload', '', '//s3', '/s3', '/t/x/s3/params'];
    for (const path of paths) expect([path, (await at(token, path)).status]).toEqual([path, 401]);
    expect((await service.app.request(`/%74/${token}/files`)).status).toBe(401);
    const authorization = `Bearer ${token}`;
    expect((await service.app.request(`//t//${token}/files`, { headers: { authorization } })).status).toBe(404);
    expect(JSON.stringify(service.logs)).not.toContain(token);
  });

  it('refuses a token that expires after more than an hour, never, or already has', async () => {
    for (const claims of [soon(3700), { exp: undefined }, soon(-10)]) {
      const response = await at(await mint('alice', claims), '/s3/params?filename=a');
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code: 'unauthenticated', message: expect.any(String) });
    }
  });

  it('needs the scope', async () => {
    const token = await mint('alice', { ...soon(60), scope: 'files:read' });
    expect((await at(token, '/s3/params?filename=a')).status).toBe(403);
  });
});
