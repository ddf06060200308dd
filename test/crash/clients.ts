import { createHash, randomBytes, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { mint } from '../helpers/test-service.ts';

/** What a client knows of a file from the answers. */
export type Known = {
  user: string;
  sha256: string;
  /** `asked`: the request was sent, but not answered. */
  confirm: 'never' | 'asked' | 'done';
  remove: 'never' | 'asked' | 'done';
};

/** The methods: mostly one PUT, sometimes a form or parts. */
const METHODS = ['PUT', 'PUT', 'PUT', 'POST', 'MULTIPART'] as const;

type Presigned = {
  fileId: string;
  objectKey: string;
  presignedUrl: string;
  headers: Record<string, string>;
  fields: Record<string, string>;
  uploadId?: string;
  parts: { presignedUrl: string }[];
};

/**
 * A realistic client: it uploads and confirms, usually repeating until there is an answer; sometimes it gives up
 * halfway, or deletes one of its files. The service may be down at any moment.
 */
export async function runClient(service: string, user: string, files: Map<string, Known>, signal: AbortSignal) {
  const authorization = `Bearer ${await mint(user, { exp: Math.floor(Date.now() / 1000) + 7200 })}`;
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(service + path, {
      method,
      headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };
  /** Repeats a request until there is an answer; null if the client gives up. */
  const insist = async (ask: () => ReturnType<typeof call>) => {
    while (!signal.aborted) {
      const answer = await ask().catch(() => null);
      if (answer !== null && answer.status < 500) return answer;
      if (randomInt(10) === 0) return null;
      await sleep(randomInt(100));
    }
    return null;
  };

  const uploadOne = async () => {
    const bytes = randomBytes(randomInt(1, 20_000));
    const method = METHODS[randomInt(METHODS.length)];
    const request = { fileName: 'a.bin', contentType: 'application/octet-stream', size: bytes.length, method };
    const presigned = await insist(() => call('POST', '/presign-upload', request));
    if (presigned?.status !== 200) return;
    const upload: Presigned = presigned.body;
    await send(upload, bytes);
    const file: Known = { user, sha256: sha256(bytes), confirm: 'never', remove: 'never' };
    files.set(upload.fileId, file);
    if (randomInt(8) === 0) return;
    file.confirm = 'asked';
    const { objectKey, uploadId } = upload;
    const confirmed = await insist(() => call('POST', '/confirm-upload', { objectKey, ...(uploadId && { uploadId }) }));
    if (confirmed === null) return;
    if (confirmed.status > 201) throw new Error(`confirming answered ${confirmed.status}: ${confirmed.body.detail}`);
    file.confirm = 'done';
  };
  const removeOne = async () => {
    const own = [...files].filter(
      ([, file]) => file.user === user && file.confirm === 'done' && file.remove === 'never',
    );
    const [fileId, file] = own[randomInt(own.length || 1)] ?? [];
    if (file === undefined) return;
    file.remove = 'asked';
    const removed = await insist(() => call('DELETE', `/files/${fileId}`));
    // 404: an earlier attempt succeeded, and its answer was lost.
    if (removed?.status === 204 || removed?.status === 404) file.remove = 'done';
  };
  while (!signal.aborted) await (randomInt(4) === 0 ? removeOne() : uploadOne());
}

async function send({ presignedUrl, headers, fields, parts }: Presigned, bytes: Buffer<ArrayBuffer>): Promise<void> {
  const init: RequestInit = { method: 'PUT', headers: headers ?? {}, body: bytes };
  if (fields !== undefined) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append('file', new Blob([bytes]));
    Object.assign(init, { method: 'POST', body: form });
  }
  const response = await fetch(parts?.[0]?.presignedUrl ?? presignedUrl, init);
  if (!response.ok) throw new Error(`the bucket answered ${response.status}: ${await response.text()}`);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
