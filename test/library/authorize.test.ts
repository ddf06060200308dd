import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SignpostOptions } from '../../src/index.ts';
import { json, request, startLibrary, type TestLibrary, SMALL_TEXT as text } from './start-library.ts';

let library: TestLibrary;
/** Takes as long as `authorize` may: it begins before the other tests. */
let unanswered: Promise<Response>;
beforeAll(async () => {
  library = await startLibrary();
  const signpost = library.open({ authorize: () => new Promise(() => {}) });
  unanswered = signpost.fetch(request('/presign-upload', json('ada', text)));
});
afterAll(() => library.close());

describe('authorize', () => {
  it.each<[string, SignpostOptions['authorize']]>([
    ['throws', () => Promise.reject(new Error('the session store is down'))],
    ['answers a token', () => 'ada' as never],
    ['has no user id', () => ({}) as never],
    ['has an empty user id', () => ({ userId: '' })],
    ['has an owner and no valid user', () => ({ userId: '', ownerId: 'team' })],
    ['has an empty owner id', () => ({ userId: 'ada', ownerId: '' })],
    ['has an unknown scope', () => ({ userId: 'ada', scopes: ['admin' as never] })],
    ['has a limit that is no number', () => ({ userId: 'ada', limits: { maxBytes: '1' as never } })],
    ['has a field that it does not know', () => ({ userId: 'ada', isAdmin: true }) as never],
  ])('answers 503 and lets nobody pass where authorize %s', async (_, authorize) => {
    const signpost = library.open({ authorize });
    const answer = await signpost.fetch(request('/presign-upload', json('ada', text)));
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(await answer.json()).toMatchObject({ code: 'application-unavailable' });
  });

  it.each([null, undefined])('answers 401 where authorize answers %s', async (nobody) => {
    const signpost = library.open({ authorize: () => nobody });
    const answer = await signpost.fetch(request('/presign-upload', json('ada', text)));
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'unauthenticated', detail: 'you are not signed in' });
  });

  it('gives an admin every scope, and anybody else those that authorize names', async () => {
    const statusesWith = async (scopes: ('files:admin' | 'files:read')[]) => {
      const signpost = library.open({ authorize: () => ({ userId: 'ada', scopes }) });
      const answers = [request('/presign-upload', json('ada', text)), request('/files')].map((each) =>
        signpost.fetch(each),
      );
      return (await Promise.all(answers)).map(({ status }) => status);
    };
    expect(await statusesWith(['files:admin'])).toEqual([200, 200]);
    expect(await statusesWith(['files:read'])).toEqual([403, 200]);
  });

  it('ignores the cookies of another site’s page', async () => {
    const signpost = library.open({ authorize: () => ({ userId: 'ada' }) });
    const archive = (headers: Record<string, string>) =>
      signpost.fetch(request('/files/0198c0de-0000-7000-8000-000000000000/archive', { method: 'POST', headers }));
    const cookie = 'session=1';
    const statuses = await Promise.all([
      archive({ cookie, origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' }),
      archive({ cookie }),
      archive({ cookie, origin: 'http://app.test', 'sec-fetch-site': 'same-origin' }),
      archive({}),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 404, 404]);
    const others = await Promise.all([
      archive({ cookie, authorization: 'Bearer x', origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' }),
      archive({ authorization: 'Basic YTpi', origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' }),
      archive({ cookie, authorization: 'Bearer x' }),
      archive({ authorization: 'Bearer x', origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' }),
    ]);
    expect(others.map(({ status }) => status)).toEqual([401, 401, 404, 404]);
  });

  it('lets a page that ALLOWED_ORIGINS names send its cookies, and shows authorize no token in a path', async () => {
    const seen: string[] = [];
    const authorize = ({ url, headers }: Request) => {
      seen.push(`${new URL(url).pathname} ${headers.get('authorization')}`);
      return { userId: 'ada' };
    };
    const origin = 'http://page.app.test';
    const signpost = library.open({ authorize, settings: { ALLOWED_ORIGINS: [origin] } });
    const headers = { cookie: 'session=1', origin, 'sec-fetch-site': 'same-site' };
    const answer = await signpost.fetch(request('/t/secret/s3/params?filename=a&type=text/plain', { headers }));
    expect([answer.status, answer.headers.get('access-control-allow-credentials')]).toEqual([200, 'true']);
    expect(seen).toEqual(['/s3/params Bearer secret']);
  });

  it('shows authorize no cookie beside a token in the path, which any page can choose', async () => {
    const seen: (string | null)[] = [];
    const signpost = library.open({
      authorize: ({ headers }) => {
        seen.push(headers.get('cookie'), headers.get('authorization'));
        return null;
      },
    });
    const headers = { cookie: 'session=1', origin: 'http://evil.test', 'sec-fetch-site': 'cross-site' };
    await signpost.fetch(request('/t/chosen/s3/params?filename=a&type=text/plain', { headers }));
    expect(seen).toEqual([null, 'Bearer chosen']);
  });

  it('is called for each request, and one that hangs delays no other', async () => {
    let asked = 0;
    const signpost = library.open({ authorize: () => (asked++ === 0 ? new Promise(() => {}) : { userId: 'ada' }) });
    void signpost.fetch(request('/presign-upload', json('ada', text)));
    expect((await signpost.fetch(request('/presign-upload', json('ada', text)))).status).toBe(200);
    expect((await signpost.fetch(request('/presign-upload', json('ada', text)))).status).toBe(200);
    expect(asked).toBe(3);
  });

  it('has ten seconds, and then the answer is 503', async () => {
    const answer = await unanswered;
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.json()).toMatchObject({ code: 'application-unavailable' });
  });
});
