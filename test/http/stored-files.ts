import { afterAll, beforeAll, expect } from 'vitest';
import { type Answer, mint, startTestService, type TestService } from '../helpers/test-service.ts';

export const NONE = '0198c0de-0000-7000-8000-000000000001';

/** Started for the test file that imports this. */
export let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    env: {
      UPLOAD_POLICIES: '{"note":{"contentTypes":["text/plain"],"maxBytes":5},"image":{"contentTypes":["image/*"]}}',
    },
  });
});
afterAll(() => service.close());

export type Stored = { fileId: string; objectKey: string };
export type State = 'active' | 'archived' | 'deleted';

export const path = ({ fileId }: Pick<Stored, 'fileId'>, rest = '') => `/files/${fileId}${rest}`;
export const archive = (file: Stored, user = 'alice') => service.call(user, path(file, '/archive'), {});
export const restore = (file: Stored, user = 'alice') => service.call(user, path(file, '/restore'), {});
export const remove = (file: Pick<Stored, 'fileId'>, user = 'alice', on = service) =>
  on.call(user, path(file), undefined, { method: 'DELETE' });
export const patch = (file: Stored, change: unknown, user = 'alice') =>
  service.call(user, path(file), change, { method: 'PATCH' });

export const storeAs = async (state: State, on = service): Promise<Stored> => {
  const file = await on.store('alice', 'hello');
  if (state === 'archived') expect((await on.call('alice', path(file, '/archive'), {})).status).toBe(200);
  if (state === 'deleted') expect((await remove(file, 'alice', on)).status).toBe(204);
  return file;
};
export const listed = async (file: Stored): Promise<boolean> => {
  const { body } = await service.call<{ files: Stored[] }>('alice', '/files?limit=1000');
  return body.files.some(({ fileId }) => fileId === file.fileId);
};
export const stateOf = (file: Stored) =>
  service.database.query('select status, deleted_at, object_removed_at from files where id = $1', [file.fileId]);

export const ROUTES: Record<string, (file: Stored) => Promise<Answer>> = {
  'GET /files/{fileId}': (file) => service.call('alice', path(file)),
  'PATCH /files/{fileId}': (file) => patch(file, { fileName: 'b.txt' }),
  'POST /files/{fileId}/archive': archive,
  'POST /files/{fileId}/restore': restore,
  'DELETE /files/{fileId}': remove,
  'POST /presign-download by id': ({ fileId }) => service.call('alice', '/presign-download', { fileId }),
  'POST /presign-download by key': ({ objectKey }) => service.call('alice', '/presign-download', { objectKey }),
  'POST /presign-download/batch': ({ fileId }) =>
    service.call('alice', '/presign-download/batch', { fileIds: [fileId] }),
  'GET /files/{fileId}/download': async (file) => {
    const headers = { authorization: `Bearer ${await mint('alice')}` };
    const response = await service.app.request(path(file, '/download'), { headers });
    const body = response.status === 302 ? {} : ((await response.json()) as Answer['body']);
    return { status: response.status, headers: response.headers, body };
  },
  'POST /confirm-upload': ({ objectKey }) => service.confirm('alice', objectKey),
  'POST /abort-upload': ({ objectKey }) => service.call('alice', '/abort-upload', { objectKey }),
};
