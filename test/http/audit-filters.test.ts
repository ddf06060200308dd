import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';

type Event = Record<'id' | 'at' | 'actorId' | 'userId' | 'action' | 'outcome', string> & { fileId: string | null };

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

const list = async (user: string, query: Record<string, string>, headers: Record<string, string> = {}) =>
  (await service.call<{ events: Event[] }>(user, `/audit?${new URLSearchParams(query)}`, undefined, { headers })).body
    .events;
const actions = (events: readonly Event[]) => events.map(({ action }) => action);
const admin = async () => ({ authorization: `Bearer ${await mint('root', { scope: 'files:admin' })}` });

/** Two files of a user, one of them downloaded and archived. */
async function twoFiles() {
  const user = `user-${randomUUID()}`;
  const first = await service.store(user, 'first');
  const second = await service.store(user, 'second');
  await service.call(user, '/presign-download', { fileId: first.fileId });
  await service.call(user, `/files/${first.fileId}/archive`, {});
  await service.call(user, '/presign-download', { fileId: first.fileId });
  return { user, first, second };
}

describe('GET /audit with filters', () => {
  it('lists the events of one file, in any case of its id', async () => {
    const { user, first, second } = await twoFiles();
    const whole = ['download.presign', 'file.archive', 'download.presign', 'upload.confirm'];
    expect(actions(await list(user, { fileId: first.fileId }))).toEqual(whole);
    expect(actions(await list(user, { fileId: second.fileId.toUpperCase() }))).toEqual(['upload.confirm']);
  });

  it('lists the events of an action, of a word that actions begin with, and of an outcome', async () => {
    const { user } = await twoFiles();
    expect(actions(await list(user, { action: 'file.archive' }))).toEqual(['file.archive']);
    expect(actions(await list(user, { action: 'upload' }))).toEqual(['upload.confirm', 'upload.confirm']);
    // Part of a word is no word.
    expect(await list(user, { action: 'up' })).toEqual([]);
    expect(actions(await list(user, { outcome: 'conflict' }))).toEqual(['download.presign']);
    expect(await list(user, { action: 'download', outcome: 'ok' })).toHaveLength(1);
  });

  it('lists the events from one time until before another', async () => {
    const { user } = await twoFiles();
    const [, , third] = (await list(user, {})).toReversed();
    const at = third?.at ?? '';
    const all = await list(user, {});
    const since = all.filter((event) => event.at >= at);
    expect(await list(user, { from: at })).toEqual(since);
    expect(await list(user, { to: at })).toEqual(all.filter((event) => event.at < at));
    expect(await list(user, { from: '2001-01-01', to: '2001-01-02' })).toEqual([]);
  });

  it('pages through the matching events only', async () => {
    const { user } = await twoFiles();
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = new URLSearchParams({
        action: 'download',
        limit: '1',
        ...(cursor && { cursor }),
      }).toString();
      const { body } = await service.call<{ events: Event[]; nextCursor: string | null }>(user, `/audit?${query}`);
      seen.push(...actions(body.events));
      cursor = body.nextCursor;
    }
    expect(seen).toEqual(['download.presign', 'download.presign']);
  });

  it("finds nothing of another user's, whatever is asked for", async () => {
    const { user, first } = await twoFiles();
    for (const query of [{ userId: user }, { actorId: user }, { fileId: first.fileId }]) {
      expect(await list('mallory', query)).toEqual([]);
    }
  });

  it('lets an admin ask for a user, an actor and a file', async () => {
    const { user, first } = await twoFiles();
    await service.call(
      'root',
      `/files/${first.fileId}/restore`,
      {},
      {
        headers: { ...(await admin()), 'x-on-behalf-of': user },
      },
    );
    const asAdmin = await admin();
    expect(await list('root', { userId: user }, asAdmin)).toHaveLength(6);
    expect(actions(await list('root', { userId: user, actorId: 'root' }, asAdmin))).toEqual(['file.restore']);
    expect(await list('root', { fileId: first.fileId }, asAdmin)).toHaveLength(5);
    expect(await list('root', { fileId: randomUUID() }, asAdmin)).toEqual([]);
  });

  it.each([
    ['userId', 'a\u0000b'],
    ['actorId', 'x'.repeat(2000)],
    ['fileId', "' or 1=1 --"],
    ['action', '%'],
    ['action', 'download.%'],
    ['action', 'Download'],
    ['outcome', 'ok; drop'],
    ['from', 'yesterday'],
    ['to', '2026-13-01'],
    ['until', '2026-01-01'],
  ])('refuses %s=%j', async (name, value) => {
    expectProblem(
      await service.call('alice', `/audit?${new URLSearchParams({ [name]: value })}`),
      400,
      'invalid-request',
    );
  });
});
