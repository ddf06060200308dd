import AwsS3 from '@uppy/aws-s3';
import Uppy from '@uppy/core';
import GoldenRetriever from '@uppy/golden-retriever';
import { createSignpost } from '../../src/client/create-signpost.ts';
import { SignpostUppy } from '../../src/client/uppy-plugin.ts';

/** How an app of each generation of Uppy reaches the service. */
const WAYS = {
  headers: ({ service, token }) => ({ endpoint: service, headers: { authorization: `Bearer ${token}` } }),
  cookie: ({ service }) => ({ endpoint: service, cookiesRule: 'include' }),
  path: ({ service, token }) => ({ companionEndpoint: `${service}/t/${token}` }),
  signRequest: ({ service, token, size }) => ({
    signRequest: async (request) => {
      const more = request.uploadId === undefined ? { size } : {};
      return (await post(service, token, '/sign-request', { ...request, ...more })).json();
    },
  }),
};

/**
 * Uploads one file of random bytes as an app would, and confirms it; pauses for a second after `pauseAfter` parts.
 * Answers the file, the SHA-256 of what was chosen, and how many parts were there when it was paused and when it went
 * on.
 */
window.upload = async ({ way, service, token, name, type = 'application/octet-stream', text, ...options }) => {
  const { sizeBytes = text.length, tellSize, pauseAfter } = options;
  const bytes = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  const uppy = new Uppy();
  uppy.use(AwsS3, {
    ...WAYS[way]({ service, token, size: tellSize ? sizeBytes : undefined }),
    shouldUseMultipart: (file) => file.size > 10 * 1024 ** 2,
    limit: 2,
  });
  if (tellSize) uppy.on('file-added', (file) => uppy.setFileMeta(file.id, { size: file.size }));

  let confirmed;
  const api = async (path, body) => {
    const response = await post(service, token, path, body);
    const answer = await response.json();
    if (!response.ok) throw answer;
    confirmed = { status: response.status, file: answer };
  };
  // As docs/uppy.md has it.
  uppy.addPostProcessor(async (ids) => {
    for (const file of ids.map((id) => uppy.getFile(id)).filter((file) => file?.response && !file.error))
      await api('/confirm-upload', { objectKey: file.response.body.key }).catch(({ detail, message }) =>
        uppy.emit('upload-error', file, new Error(detail ?? message)),
      );
  });
  let parts = 0;
  const counts = [];
  uppy.on('s3-multipart:part-uploaded', () => {
    parts += 1;
    if (parts !== pauseAfter) return;
    uppy.pauseAll();
    counts.push(parts);
    setTimeout(() => {
      counts.push(parts);
      uppy.resumeAll();
    }, 1000);
  });

  uppy.addFile({ name, type, data: new Blob([text ?? bytes]) });
  const { failed } = await uppy.upload();
  if (failed.length > 0) throw new Error(failed[0].error);
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return { ...confirmed, sha256: btoa(String.fromCharCode(...new Uint8Array(digest))), counts };
};

/** Cancels an upload in its middle, and answers when Uppy has told the bucket. */
window.cancel = async ({ way, service, token }) => {
  const uppy = new Uppy();
  uppy.use(AwsS3, { ...WAYS[way]({ service, token }), shouldUseMultipart: true, limit: 1 });
  const started = new Promise((resolve) => uppy.on('s3-multipart:part-uploaded', resolve));
  uppy.addFile({ name: 'given-up.bin', type: 'text/plain', data: new Blob([new Uint8Array(16 * 1024 ** 2)]) });
  uppy.upload();
  await started;
  uppy.cancelAll();
};

/**
 * Begins to upload files through the package's plugin: `uppy` and its `result` stay in the window. At the
 * first progress, all is paused or cancelled if `atFirstProgress` says so.
 */
window.startPlugin = ({ service, token, files, meta, atFirstProgress }) => {
  const uppy = new Uppy({ meta });
  window.uppy = uppy;
  uppy.use(SignpostUppy, { signpost: createSignpost({ url: service, token }) });
  if (atFirstProgress !== undefined) uppy.once('upload-progress', () => uppy[atFirstProgress]());
  for (const { name, type, text, sizeBytes } of files)
    uppy.addFile({ name, type, data: new Blob([text ?? new Uint8Array(sizeBytes).fill(7)], { type }) });
  window.result = uppy.upload();
};

/** Chooses a file, or none after a reload, with Golden Retriever; uploads it once it is kept. */
window.startRetriever = ({ service, token, name, sizeBytes }) => {
  const uppy = new Uppy();
  window.uppy = uppy;
  uppy.use(SignpostUppy, { signpost: createSignpost({ url: service, token }) });
  uppy.use(GoldenRetriever, { indexedDB: { maxFileSize: 1e8, maxTotalSize: 1e8 } });
  if (name === undefined) return;
  const kept = new Promise((resolve) => {
    const debug = (text) => /Added 1 blobs/.test(text) && resolve();
    uppy.setOptions({ logger: { debug, warn: debug, error: debug } });
  });
  uppy.addFile({ name, type: 'text/plain', data: new Blob([new Uint8Array(sizeBytes).fill(7)]) });
  kept.then(() => uppy.upload());
};

/** Goes on with what Golden Retriever brought back. */
window.goOn = () =>
  new Promise((resolve) => {
    window.uppy.once('complete', ({ successful }) => resolve(successful.map(({ name }) => name)));
    window.uppy.emit('restore-confirmed');
  });

/** What Uppy's Dashboard draws of each file. */
window.states = () =>
  window.uppy.getFiles().map(({ name, error, progress, response }) => ({
    ...{ name, error: error ?? null, isComplete: progress.uploadComplete, file: response?.body ?? null },
  }));

/** The names of the files that Uppy says have succeeded and failed. */
window.outcome = async () => {
  const { successful, failed } = await window.result;
  return { successful: successful.map(({ name }) => name), failed: failed.map(({ name }) => name) };
};

function post(service, token, path, body) {
  return fetch(service + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
