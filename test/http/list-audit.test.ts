import { describe, expect, it } from 'vitest';
import { expectProblem, mint } from '../helpers/test-service.ts';
import { admin, type Event, eventsOf, NONE, type Page, service, someone } from './audit-service.ts';

describe('GET /audit', () => {
  it('returns pages, newest first, that miss and repeat nothing', async () => {
    const user = someone();
    for (let n = 0; n < 7; n++) await service.call(user, `/files/${NONE}`, undefined, { method: 'DELETE' });
    const all = (await eventsOf(user)).toReversed();
    expect(all).toHaveLength(7);
    const walked: Event[] = [];
    let cursor: string | null = null;
    do {
      const { body }: { body: Page } = await service.call(
        user,
        `/audit?limit=3${cursor === null ? '' : `&cursor=${cursor}`}`,
      );
      expect(body.events.length).toBeLessThanOrEqual(3);
      walked.push(...body.events);
      cursor = body.nextCursor;
      // New events do not shift the pages.
      await service.call(user, `/files/${NONE}`, undefined, { method: 'DELETE' });
    } while (cursor !== null);
    expect(walked).toEqual(all);
    expect((await service.call(someone(), '/audit')).body).toEqual({ events: [], nextCursor: null });
  });

  it('shows a user only their own events, and an admin those of all users or of one', async () => {
    const [alice, bob] = [someone(), someone()];
    await service.store(alice, 'hello');
    await service.store(bob, 'hello');
    expect(new Set((await eventsOf(alice)).map(({ userId }) => userId))).toEqual(new Set([alice]));
    const headers = await admin();
    const all = await service.call<Page>('', '/audit?limit=2', undefined, { headers });
    expect(all.body.events.map(({ userId }) => userId)).toEqual([bob, alice]);
    const older = await service.call<Page>('', `/audit?limit=1&cursor=${all.body.events[0]?.id}`, undefined, {
      headers,
    });
    expect(older.body.events[0]?.userId).toBe(alice);
    const forAlice = { ...headers, 'x-on-behalf-of': alice };
    const own = await service.call<Page>('', '/audit', undefined, { headers: forAlice });
    expect(own.body.events.map(({ userId }) => userId)).toEqual([alice]);
  });

  it('needs files:read', async () => {
    const headers = { authorization: `Bearer ${await mint('alice', { scope: 'files:write' })}` };
    expectProblem(await service.call('', '/audit', undefined, { headers }), 403, 'forbidden');
  });

  it.each(['limit=0', 'limit=1001', 'cursor=0', 'cursor=-1', 'cursor=x', 'cursor=9999999999999999', 'user=bob'])(
    'refuses ?%s',
    async (query) => {
      expectProblem(await service.call('alice', `/audit?${query}`), 400, 'invalid-request');
    },
  );
});
