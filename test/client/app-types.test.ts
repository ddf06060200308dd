import { describe, expectTypeOf, it } from 'vitest';
import {
  createFiles,
  createSignpost,
  type ServiceCode,
  type Signpost,
  type SignpostError,
  type StoredFile,
} from '../../src/client/create-signpost.ts';
import { useFiles, useUpload, useUploads } from '../../src/client/hooks/react.ts';
import { createUploadQueue } from '../../src/client/queue/create-upload-queue.ts';
import type { ProblemCode } from '../../src/contract/errors.ts';

type App = { documents: 'id' | 'contract'; metadata: { source: string } };

const url = 'https://uploads.example.com';
const signpost = createSignpost<App>({ url });
const file = new Blob();

// What the compiler says: nothing of this is run.
const never = () => {
  signpost.upload(file, { documentType: 'id', metadata: { source: 'scan' } });
  // @ts-expect-error another document type
  signpost.upload(file, { documentType: 'passport' });
  // @ts-expect-error a field that is missing
  signpost.upload(file, { metadata: {} });
  // @ts-expect-error another field
  signpost.upload(file, { metadata: { source: 'scan', page: '1' } });
  // @ts-expect-error another document type
  signpost.limits({ documentType: 'passport' });
  // @ts-expect-error another document type
  signpost.uploadAll([file], { documentType: 'passport' });

  const files = createFiles<App>({ url });
  // @ts-expect-error another document type
  files.list({ documentType: 'passport' });
  // @ts-expect-error another document type
  files.update('id', { documentType: 'passport' });

  const queue = createUploadQueue({ signpost });
  queue.add(file, { documentType: 'contract', metadata: { source: 'scan' } });
  // @ts-expect-error another document type
  queue.add(file, { documentType: 'passport' });
  // @ts-expect-error another document type
  createUploadQueue({ signpost, uploadOptions: { documentType: 'passport' } });
  // @ts-expect-error another document type
  useUploads(queue).add(file, { documentType: 'passport' });
  // @ts-expect-error another document type
  useFiles(files, { documentType: 'passport' });
  // @ts-expect-error another document type
  useUpload(signpost).upload(file, { documentType: 'passport' });
  return { files, queue };
};

describe('the types of an app', () => {
  it('narrow the fields of requests and answers', () => {
    type Stored = Awaited<ReturnType<typeof signpost.upload>>;
    expectTypeOf<Stored['documentType']>().toEqualTypeOf<'id' | 'contract' | null>();
    expectTypeOf<Stored['metadata']>().toEqualTypeOf<{ source: string }>();
    type Its = ReturnType<typeof never>;
    expectTypeOf<Awaited<ReturnType<Its['files']['get']>>>().toEqualTypeOf<StoredFile<App>>();
    type Item = ReturnType<Its['queue']['getSnapshot']>['items'][number];
    expectTypeOf<Item['stored']>().toEqualTypeOf<StoredFile<App> | null>();
  });

  it('name the codes of the service, and leave room for new ones', () => {
    expectTypeOf<ServiceCode>().toEqualTypeOf<ProblemCode>();
    expectTypeOf<'a-new-code'>().toExtend<SignpostError['code']>();
  });

  it('are any texts if an app names none', () => {
    type Stored = Awaited<ReturnType<Signpost['upload']>>;
    expectTypeOf<Stored['documentType']>().toEqualTypeOf<string | null>();
    expectTypeOf<Stored['metadata']>().toEqualTypeOf<Readonly<Record<string, string>>>();
  });
});
