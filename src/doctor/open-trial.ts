import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import type { UserId } from '../contract/object-key.ts';
import { presignGet } from '../signing/presign-get.ts';
import type { Bucket, StoredObject } from '../storage/bucket.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import { parseUploadId } from '../uploads/multipart-plan.ts';
import { type SignUploadServices, signUpload } from '../uploads/sign-upload.ts';
import type { UploadRequest } from '../uploads/upload-request.ts';
import { remedyOf } from './remedy-of.ts';

type TrialServices = SignUploadServices & {
  config: Pick<Config, 'allowedOrigins'>;
  bucket: Bucket;
  multipart: MultipartUploads;
};

/** What the bucket answered; `code` is S3's own, empty where there is none. */
export type Answer = { status: number; ok: boolean; code: string; headers: Headers; text: string };

export type Trial = ReturnType<typeof openTrial>;
export type PutUpload = { objectKey: string; presignedUrl: string; headers: Record<string, string> };

/** Nobody's files: what a trial stores lies under this user's prefix, and goes when the trial ends. */
const USER_ID = 'signpost-doctor' as UserId;
const CALLER: Caller = {
  userId: USER_ID,
  actorId: USER_ID,
  isOnBehalf: false,
  scopes: new Set(['files:read', 'files:write']),
  requestId: 'doctor',
  address: null,
};

export const BODY = 'signpost doctor\n';
const REQUEST: UploadRequest = { fileName: 'trial.txt', contentType: 'text/plain', size: BODY.length };

const TIMEOUT_MS = 15_000;
/** Of one key: more than any trial makes. */
const MAX_VERSIONS = 5;

/**
 * Uploads of a throw-away user, signed as the service signs them and sent as a client would. Whatever may be stored by
 * them `cleanUp` looks for. `signal` ends requests under way; cleaning up goes on.
 */
export function openTrial(services: TrialServices, signal: AbortSignal) {
  const keys = new Map<string, StoredObject | null>();
  const uploads = new Map<string, string>();

  async function presign(request: Partial<UploadRequest>, ageSeconds = 0) {
    const now = () => new Date(services.now().getTime() - ageSeconds * 1000);
    return signUpload({ ...services, now }, CALLER, { ...REQUEST, ...request });
  }

  async function send(url: string, init: RequestInit = {}): Promise<Answer> {
    const ends = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(url, { ...init, redirect: 'manual', signal: ends });
    const text = await response.text();
    const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? '';
    return { status: response.status, ok: response.ok, code, headers: response.headers, text };
  }

  return {
    ...{ services, send },

    /** What mends this refusal of S3's; the IAM actions are those the request needs. */
    remedyOf(code: string, ...actions: string[]): string | undefined {
      const { config, endpoint } = services;
      const isAws = config.store.provider === 'aws';
      return remedyOf(code, { name: endpoint.bucket, isAws }, ...actions);
    },

    async presignPut(request: Partial<UploadRequest> = {}, ageSeconds = 0) {
      const upload = await presign({ ...request, method: 'PUT' }, ageSeconds);
      if (upload.method !== 'PUT') throw new Error('asked for one PUT');
      return upload;
    },

    async presignForm() {
      const upload = await presign({ method: 'POST' });
      if (upload.method !== 'POST') throw new Error('asked for a form');
      return upload;
    },

    async beginParts() {
      const upload = await presign({ method: 'MULTIPART' });
      if (upload.method !== 'MULTIPART') throw new Error('asked for parts');
      const bucketUploadId = parseUploadId(services.ids, upload.objectKey, upload.uploadId)?.bucketUploadId ?? '';
      keys.set(upload.objectKey, null);
      uploads.set(bucketUploadId, upload.objectKey);
      return { ...upload, bucketUploadId };
    },

    async presignGet(key: string, query: Record<string, string> = {}): Promise<string> {
      const input = { key, query, expiresInSeconds: 60 };
      return presignGet(services.endpoint, await services.credentials(), input, services.now()).url;
    },

    /** The address of a key, or of the bucket with a query, as anybody may ask for it. */
    unsigned(rest: string): string {
      const { protocol, host, basePath } = services.endpoint;
      return `${protocol}//${host}${basePath}/${rest}`;
    },

    /** PUT as signed, but for what is given. */
    async put(upload: PutUpload, change: { url?: string; headers?: Record<string, string>; body?: string } = {}) {
      const { url = upload.presignedUrl, headers = upload.headers, body = BODY } = change;
      const { objectKey } = upload;
      const before = keys.get(objectKey);
      keys.set(objectKey, before ?? null);
      // As bytes: to text, fetch would add a type of its own.
      const answer = await send(url, { method: 'PUT', headers, body: Buffer.from(body) });
      // Where HEAD is denied, this is all there is to remove the object by.
      if (answer.ok) keys.set(objectKey, storedBy(objectKey, answer));
      else if (answer.status < 500 && before === undefined) keys.delete(objectKey);
      return answer;
    },

    /** A key that something may be stored under otherwise. */
    track: (key: string) => void keys.set(key, null),

    /** Removes every object and unfinished upload; the keys of those that could not be removed. */
    async cleanUp(): Promise<string[]> {
      const { bucket, multipart } = services;
      const left = new Set<string>();
      for (const [uploadId, key] of uploads) await multipart.abort(key, uploadId).catch(() => left.add(key));
      for (const [key, known] of keys) {
        try {
          let object = (await bucket.head(key)) ?? known;
          for (let version = 0; object !== null && version < MAX_VERSIONS; version++) {
            await bucket.remove(object);
            object = await bucket.head(key);
          }
          if (object !== null) left.add(key);
        } catch {
          left.add(key);
        }
      }
      keys.clear();
      uploads.clear();
      return [...left];
    },
  };
}

function storedBy(key: string, { headers }: Answer): StoredObject {
  return {
    key,
    sizeBytes: BODY.length,
    contentType: REQUEST.contentType,
    contentEncoding: null,
    etag: headers.get('etag') ?? '',
    versionId: headers.get('x-amz-version-id'),
    checksumSha256: null,
    metadata: {},
  };
}
