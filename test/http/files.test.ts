import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, startTestService, type TestService } from '../helpers/test-service.ts';

type Page = { files: { fileId: string }[]; nextCursor: string | null };

const ID = '0198c0de-0000-7000-8000-000000000001';
const cursorOf = (parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');

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

  it('returns an empty page to a user without files', async () => {
    expect((await service.call('carol', '/files')).body).toEqual({ files: [], nextCursor: null });
  });

  it('pages through all files once, also with new ones meanwhile', async () => {
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

  it('treats an empty parameter as absent', async () => {
    expect((await list('?limit=&cursor=')).body).toEqual((await list()).body);
    expect((await list('?_=1764201600000')).body).toEqual((await list()).body);
  });

  it('ends exactly where the files end', async () => {
    const { body } = await list('?limit=7');
    expect(body.files).toHaveLength(7);
    expect(body.nextCursor).toBeNull();
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=a', 'limit'],
    ['sort=x', 'sort'],
    ['sort=--size', 'sort'],
    ['status=deleted', 'status'],
    ['status=refused', 'status'],
    ['recordId=a%20b', 'recordId'],
    ['documentType=%25', 'documentType'],
    ['contentType=image', 'contentType'],
    ['contentType=*/*', 'contentType'],
    ['contentType=image/*;q=1', 'contentType'],
    [`q=${'a'.repeat(101)}`, 'q'],
    ['q=%00', 'q'],
    ['createdFrom=yesterday', 'createdFrom'],
    ['createdTo=2026-02-30', 'createdTo'],
    ['createdTo=1767225600000', 'createdTo'],
    ['fileName=a', 'fileName'],
    ['cursor=x', 'cursor'],
    ['cursor=MV8x', 'cursor'],
    [`cursor=${cursorOf(['-createdAt', 999_999_999_999_999, ID])}`, 'cursor'],
    [`cursor=${cursorOf(['-createdAt', -1, ID])}`, 'cursor'],
    [`cursor=${cursorOf(['-createdAt', '2026-01-01', ID])}`, 'cursor'],
    [`cursor=${cursorOf(['-createdAt', 0, 'x'])}`, 'cursor'],
    [`cursor=${cursorOf(['-createdAt', 0, ID, 1])}`, 'cursor'],
    [`cursor=${cursorOf(['-size', 2 ** 53, ID])}&sort=-size`, 'cursor'],
    [`cursor=${cursorOf(['fileName', '\0', ID])}&sort=fileName`, 'cursor'],
    [`cursor=${cursorOf(['-createdAt', 0, ID])}&sort=createdAt`, 'cursor'],
    [`cursor=${cursorOf(['size', 0, ID])}&sort=-size`, 'cursor'],
  ])('refuses ?%s and names it', async (query, path) => {
    const answer = await service.call('alice', `/files?${query}`);
    expectProblem(answer, 400, 'invalid-request');
    expect(answer.body.errors).toMatchObject([{ path }]);
  });

  it.each(['limit=1&limit=2', '__proto__=1'])('refuses ?%s', async (query) => {
    expectProblem(await service.call('alice', `/files?${query}`), 400, 'invalid-request');
  });
});

describe('GET /files with filters', () => {
  const names = async (query: string) => {
    const { status, body } = await service.call<{ files: { fileName: string }[] }>('erin', `/files?${query}`);
    expect(status).toBe(200);
    return body.files.map((file) => file.fileName);
  };
  beforeAll(async () => {
    await service.store('erin', 'aaa', { fileName: 'Lease 100%.txt', recordId: 'case-1', documentType: 'contract' });
    await service.store('erin', 'aaaa', {
      fileName: 'b_1.txt',
      recordId: 'case-1',
      contentType: 'text/plain; charset=utf-8',
    });
    await service.store('erin', 'a', { fileName: 'Übergabe.csv', documentType: 'contract', contentType: 'text/csv' });
    const { fileId } = await service.store('erin', 'aa', { fileName: 'alt.txt', recordId: 'case-1' });
    expect((await service.call('erin', `/files/${fileId}/archive`, {})).status).toBe(200);
    const gone = await service.store('erin', 'aa', { fileName: 'gone.txt', recordId: 'case-1' });
    expect((await service.call('erin', `/files/${gone.fileId}`, undefined, { method: 'DELETE' })).status).toBe(204);
    await service.store('mallory', 'a', { fileName: 'Lease 100%.txt', recordId: 'case-1', documentType: 'contract' });
  });

  it.each([
    ['', ['Übergabe.csv', 'b_1.txt', 'Lease 100%.txt']],
    ['sort=createdAt', ['Lease 100%.txt', 'b_1.txt', 'Übergabe.csv']],
    ['sort=fileName', ['b_1.txt', 'Lease 100%.txt', 'Übergabe.csv']],
    ['sort=-fileName', ['Übergabe.csv', 'Lease 100%.txt', 'b_1.txt']],
    ['sort=size', ['Übergabe.csv', 'Lease 100%.txt', 'b_1.txt']],
    ['sort=-size&limit=1', ['b_1.txt']],
    ['recordId=case-1', ['b_1.txt', 'Lease 100%.txt']],
    ['recordId=case-1&documentType=contract', ['Lease 100%.txt']],
    ['documentType=contract&sort=fileName', ['Lease 100%.txt', 'Übergabe.csv']],
    ['contentType=text/plain', ['b_1.txt', 'Lease 100%.txt']],
    ['contentType=text/plain;%20charset=utf-8', ['b_1.txt']],
    ['contentType=text/*&recordId=case-1', ['b_1.txt', 'Lease 100%.txt']],
    ['contentType=image/*', []],
    ['status=archived', ['alt.txt']],
    ['q=lease', ['Lease 100%.txt']],
    ['q=%25', ['Lease 100%.txt']],
    ['q=_', ['b_1.txt']],
    ['q=%C3%BC', ['Übergabe.csv']],
    ['q=.TXT&status=active', ['b_1.txt', 'Lease 100%.txt']],
    ['q=gone', []],
    ['createdFrom=2020-01-01&createdTo=2999-12-31T23:59:59Z&q=b_', ['b_1.txt']],
    ['createdTo=2020-01-01', []],
    ['createdFrom=0000-01-01&createdTo=9999-12-31T23:59:59-14:00&q=b_', ['b_1.txt']],
    ['createdFrom=9999-12-31T23:59:59.999-14:00', []],
  ])('?%s finds %j', async (query, expected) => {
    expect(await names(query)).toEqual(expected);
  });

  it('includes createdFrom and excludes createdTo', async () => {
    const { body } = await service.call<{ files: { createdAt: string }[] }>('erin', '/files?sort=createdAt');
    const [first, second] = body.files.map((file) => file.createdAt);
    expect(await names(`createdFrom=${first}&createdTo=${second}`)).toEqual(['Lease 100%.txt']);
    expect(await names(`createdFrom=${second}&sort=createdAt&limit=1`)).toEqual(['b_1.txt']);
  });

  it.each(['sort=fileName', 'sort=-size', 'sort=createdAt', 'q=t&sort=-fileName', 'contentType=text/*'])(
    'pages through ?%s by cursors',
    async (query) => {
      const walked: string[] = [];
      let cursor: string | null = '';
      while (cursor !== null) {
        type Names = { files: { fileName: string }[]; nextCursor: string | null };
        const { body }: { body: Names } = await service.call('erin', `/files?${query}&limit=1&cursor=${cursor}`);
        walked.push(...body.files.map((file) => file.fileName));
        cursor = body.nextCursor;
      }
      expect(walked).toEqual(await names(query));
    },
  );
});

describe('GET /files/{fileId}', () => {
  it('returns the file', async () => {
    expect((await service.call('alice', `/files/${stored[0]}`)).body).toMatchObject({ fileId: stored[0], size: 6 });
  });

  it.each(['0198c0de-0000-7000-8000-000000000001', 'x', "'%20or%201=1", '%00', '..%2f..'])(
    'answers 404 for %s',
    async (id) => {
      expectProblem(await service.call('alice', `/files/${id}`), 404, 'file-not-found');
    },
  );

  it('answers 404 to other users', async () => {
    expectProblem(await service.call('bob', `/files/${stored[0]}`), 404, 'file-not-found');
  });
});
