import type { Caller } from '../auth/caller.ts';
import type { Config } from '../config/config.ts';
import type { UserId } from '../contract/object-key.ts';
import { presignGet } from '../signing/presign-get.ts';
import type { Bucket } from '../storage/bucket.ts';
import { newestKeyId, readingHeaders } from '../storage/encryption.ts';
import type { MultipartUploads } from '../storage/multipart-uploads.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { parseUploadId } from '../uploads/multipart-plan.ts';
import type { PresignUploadInput } from '../uploads/presign-upload-input.ts';
import { type SignUploadServices, signUncheckedUpload } from '../uploads/sign-unchecked-upload.ts';
import { type BucketAnswer, remedyOf } from './bucket-answer.ts';

type TrialServices = SignUploadServices & {
  config: Pick<Config, 'server'>;
  bucket: Bucket;
  multipart: MultipartUploads;
};

export type Trial = ReturnType<typeof openTrial>;
export type PutUpload = { objectKey: string; presignedUrl: string; headers: Record<string, string> };

/** The user of the trials: their objects lie under this user's prefix and are removed at the end. */
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
const REQUEST: PresignUploadInput = { fileName: 'trial.txt', contentType: 'text/plain', size: BODY.length };

const TIMEOUT_MS = 15_000;
/** Versions of one key: more than any trial makes. */
const MAX_VERSIONS = 5;

/**
 * Uploads of a test user, signed as the service signs them and sent as a client sends them. `cleanUp` removes every
 * object they may have stored. `signal` aborts running requests, but not the clean-up.
 */
export function openTrial(services: TrialServices, signal: AbortSignal) {
  const keys = new Map<string, StoredObject | null>();
  const uploads = new Map<string, string>();

  async function presign(request: Partial<PresignUploadInput>, ageSeconds = 0) {
    const now = () => new Date(services.now().getTime() - ageSeconds * 1000);
    return signUncheckedUpload({ ...services, now }, CALLER, { ...REQUEST, ...request });
  }

  async function send(url: string, init: RequestInit = {}): Promise<BucketAnswer> {
    const ends = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const response = await fetch(url, { ...init, redirect: 'manual', signal: ends });
    const text = await response.text();
    const code = /<Code>([^<]*)<\/Code>/.exec(text)?.[1] ?? '';
    return { status: response.status, ok: response.ok, code, headers: response.headers, text };
  }

  return {
    services,
    send,

    /** The fix for this S3 error; `actions` are the IAM actions the request needs. */
    remedyOf(code: string, ...actions: string[]): string | undefined {
      const { config, endpoint } = services;
      const isAws = config.store.provider === 'aws';
      return remedyOf(code, { name: endpoint.bucket, isAws }, ...actions);
    },

    async presignPut(request: Partial<PresignUploadInput> = {}, ageSeconds = 0) {
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

    /** GET as a download is signed, with the object's own key where it has one. */
    async get(key: string, query: Record<string, string> = {}): Promise<BucketAnswer> {
      const { store } = services.config;
      const headers = readingHeaders(store, { key, sseKeyId: newestKeyId(store) });
      const input = { key, query, headers, expiresInSeconds: 60 };
      const signed = presignGet(services.endpoint, await services.credentials(), input, services.now());
      return send(signed.url, { headers });
    },

    /** The unsigned URL of a key, or of the bucket with a query. */
    unsigned(rest: string): string {
      const { protocol, host, basePath } = services.endpoint;
      return `${protocol}//${host}${basePath}/${rest}`;
    },

    /** PUT as signed, except for the given changes. */
    async put(upload: PutUpload, change: { url?: string; headers?: Record<string, string>; body?: string } = {}) {
      const { url = upload.presignedUrl, headers = upload.headers, body = BODY } = change;
      const { objectKey } = upload;
      const before = keys.get(objectKey);
      keys.set(objectKey, before ?? null);
      // As bytes: for text, fetch adds a Content-Type.
      const answer = await send(url, { method: 'PUT', headers, body: Buffer.from(body) });
      // If HEAD is denied, the clean-up has only this to find the object.
      if (answer.ok) keys.set(objectKey, storedBy(objectKey, answer));
      else if (answer.status < 500 && before === undefined) keys.delete(objectKey);
      return answer;
    },

    /** Registers a key for the clean-up under which another request may store an object. */
    track: (key: string) => void keys.set(key, null),

    /** Removes every object and unfinished upload. Returns the keys of those it could not remove. */
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

function storedBy(key: string, { headers }: BucketAnswer): StoredObject {
  return {
    key,
    sizeBytes: BODY.length,
    contentType: REQUEST.contentType,
    contentEncoding: null,
    etag: headers.get('etag') ?? '',
    versionId: headers.get('x-amz-version-id'),
    checksumSha256: null,
    metadata: {},
    sse: headers.get('x-amz-server-side-encryption'),
    sseKeyId: null,
  };
}
