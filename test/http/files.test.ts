import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, startTestService, type TestService } from '../helpers/test-service.ts';

type Page = { files: { fileId: string }[]; nextCursor: string | null };

let service: TestService;
const stored: string[] = [];
beforeAll(async () => {
  service = await startTestService();
  for (let i = 0; i < 7; i++) stored.unshift((await service.store('alice', `file ${i}`)).fileId);
  await service.store('bob', 'another');
});
afterAll(() => service.close());

const list = (query = '') => service.call<Page>('alice', `/files${query}`);

describe('GET /files', () => {
  it('lists the caller’s own files, newest first', async () => {
    const { status, body } = await list();
    expect(status).toBe(200);
    expect(body.files.map((file) => file.fileId)).toEqual(stored);
    expect(body.nextCursor).toBeNull();
  });

  it('answers an empty page to one who has none', async () => {
    expect((await service.call('carol', '/files')).body).toEqual({ files: [], nextCursor: null });
  });

  it('pages through all of them once, whatever comes in meanwhile', async () => {
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: { body: Page } = await service.call('dora', `/files?limit=2${cursor && `&cursor=${cursor}`}`);
      if (cursor === '' && body.files.length === 0) {
        for (let i = 0; i < 5; i++) await service.store('dora', `file ${i}`);
        continue;
      }
      seen.push(...body.files.map((file) => file.fileId));
      cursor = body.nextCursor;
      await service.store('dora', 'newer');
    }
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
  });

  it('takes an empty parameter as absent', async () => {
    expect((await list('?limit=&cursor=')).body).toEqual((await list()).body);
  });

  it('ends exactly where the files end', async () => {
    const { body } = await list('?limit=7');
    expect(body.files).toHaveLength(7);
    expect(body.nextCursor).toBeNull();
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1.5',
    'limit=a',
    'cursor=x',
    'cursor=MV8x',
    `cursor=${btoa('999999999999999_0198c0de-0000-7000-8000-000000000001')}`,
    'sort=x',
    'limit=1&limit=2',
    '__proto__=1',
  ])('refuses ?%s', async (query) => {
    expectProblem((await list(`?${query}`)) as never, 400, 'invalid-request');
  });
});

describe('GET /files/{fileId}', () => {
  it('answers the file', async () => {
    expect((await service.call('alice', `/files/${stored[0]}`)).body).toMatchObject({ fileId: stored[0], size: 6 });
  });

  it.each(['0198c0de-0000-7000-8000-000000000001', 'x', "'%20or%201=1", '%00', '..%2f..'])(
    'answers 404 for %s',
    async (id) => {
      expectProblem(await service.call('alice', `/files/${id}`), 404, 'file-not-found');
    },
  );

  it('answers 404 to anybody else', async () => {
    expectProblem(await service.call('bob', `/files/${stored[0]}`), 404, 'file-not-found');
  });
});
