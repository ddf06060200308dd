import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { mint, startTestService, type TestService } from '../helpers/test-service.ts';

export type Event = Record<'id' | 'at' | 'actorId' | 'userId' | 'action' | 'outcome' | 'requestId', string> &
  Record<'fileId' | 'objectKey' | 'address', string | null> & { sentBytes: number | null };
export type Page = { events: Event[]; nextCursor: string | null };

export const TEXT = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
export const NONE = '0198c0de-0000-7000-8000-000000000001';

/** Started for the test file that imports this. */
export let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

export const someone = () => `user-${randomUUID()}`;
/** A user's events, oldest first. */
export const eventsOf = async (user: string, on = service): Promise<Event[]> =>
  (await on.call<Page>(user, '/audit?limit=1000')).body.events.toReversed();
export const acts = (events: readonly Event[]) => events.map(({ action, outcome }) => `${action} ${outcome}`);
export const admin = async () => ({ authorization: `Bearer ${await mint('root', { scope: 'files:admin' })}` });
export const redirect = async (user: string, fileId: string) =>
  service.app.request(`/files/${fileId}/download`, { headers: { authorization: `Bearer ${await mint(user)}` } });
