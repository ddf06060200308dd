import Uppy from '@uppy/core';
import Uppy5 from 'uppy-5-core';
import { describe, expect, it } from 'vitest';
import { createSignpost } from '../../src/client/create-signpost.ts';
import { SignpostUppy } from '../../src/client/uppy-plugin.ts';
import { loseAnswer, startServiceForClients } from './service-for-clients.ts';

const signpost = createSignpost({ url: 'https://files.example.com', token: 'a token' });
const logger = { debug: () => {}, warn: () => {}, error: () => {} };

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
    const uppy = new Uppy({ logger });
    uppy.use(SignpostUppy, { signpost });
    const id = uppy.addFile({ name: 'a.txt', type: 'text/plain', data: new Blob(['a']) });
    uppy.setFileState(id, { data: { size: 1 } });
    const result = await uppy.upload();
    expect(result?.failed).toMatchObject([{ error: 'The file is not on this device. Choose it again.' }]);
  });

  it('does not send a file again whose confirmation had no answer, unless it was changed', async () => {
    const host = await startServiceForClients();
    let isCut = true;
    const client = await host.client('alice', { maxAttempts: 1 }, ({ what }, send) =>
      what === 'POST /confirm-upload' && isCut ? loseAnswer(send) : send(),
    );
    const uppy = new Uppy({ logger }).use(SignpostUppy, { signpost: client });
    const add = (name: string) => uppy.addFile({ name, type: 'text/plain', data: new Blob([name]) });
    const [, edited] = [add('same.txt'), add('edited.txt'), add('moved.txt')];
    uppy.on('upload-error', (file) => {
      if (file?.name === 'edited.txt') uppy.setFileState(edited, { data: new Blob(['other']) });
      if (file?.name === 'moved.txt') uppy.setFileMeta(file.id, { recordId: 'case-42' });
    });
    expect((await uppy.upload())?.failed).toHaveLength(3);
    isCut = false;
    const { successful = [] } = (await uppy.retryAll()) ?? {};
    expect(successful.map(({ response }) => response?.body)).toMatchObject([
      { size: 8 },
      { size: 5 },
      { recordId: 'case-42' },
    ]);
    expect(client.count('PUT whole')).toBe(5);
    // Of a refused file, nothing is in the bucket.
    uppy.addFile({ name: 'a.png', type: 'image/png', data: new Blob(['%PDF-1.7']) });
    expect((await uppy.upload())?.failed).toHaveLength(1);
    await uppy.retryAll();
    expect(client.count('PUT whole')).toBe(7);
    await host.close();
  });

  it('sends metadata without the characters that no metadata may have', async () => {
    const host = await startServiceForClients();
    const uppy = new Uppy({ logger }).use(SignpostUppy, { signpost: await host.client('alice') });
    const meta = { caption: 'two\r\nlines\u0007', relativePath: 'scans/\u202egpj.exe', title: 'half \ud83d' };
    uppy.addFile({ name: 'a.txt', type: 'text/plain', data: new Blob(['a']), meta });
    const { successful = [] } = (await uppy.upload()) ?? {};
    const metadata = { caption: 'two lines', relativepath: 'scans/gpj.exe', title: 'half \ufffd' };
    expect(successful).toMatchObject([{ response: { body: { metadata } } }]);
    await host.close();
  });
});
