import Uppy from '@uppy/core';
import Uppy5 from 'uppy-5-core';
import { describe, expect, it } from 'vitest';
import { createSignpost } from '../../src/client/create-signpost.ts';
import { SignpostUppy } from '../../src/client/uppy-plugin.ts';

const signpost = createSignpost({ url: 'https://files.example.com', token: 'a token' });

describe('SignpostUppy', () => {
  it('is a plugin by the types of Uppy 5 and 6', () => {
    const uppy = new Uppy<{ recordId: string }, { fileId: string }>().use(SignpostUppy, { signpost });
    expect(uppy.getPlugin('Signpost')).toBeInstanceOf(SignpostUppy);
    const older = new Uppy5().use(SignpostUppy, { signpost, id: 'files', allowedMetaFields: ['recordId'] });
    expect(older.getPlugin('files')).toBeInstanceOf(SignpostUppy);
    older.destroy();
    expect(older.getState().capabilities.resumableUploads).toBe(false);
  });

  it('refuses an option that is not a client', () => {
    // @ts-expect-error
    expect(() => new Uppy().use(SignpostUppy, { signpost: {} })).toThrow('createSignpost');
    // @ts-expect-error
    expect(() => new Uppy().use(SignpostUppy)).toThrow('createSignpost');
  });

  it('asks to choose a file again whose bytes are not on this device', async () => {
    const uppy = new Uppy({ logger: { debug: () => {}, warn: () => {}, error: () => {} } });
    uppy.use(SignpostUppy, { signpost });
    const id = uppy.addFile({ name: 'a.txt', type: 'text/plain', data: new Blob(['a']) });
    uppy.setFileState(id, { data: { size: 1 } });
    const result = await uppy.upload();
    expect(result?.failed).toMatchObject([{ error: 'The file is not on this device. Choose it again.' }]);
  });
});
