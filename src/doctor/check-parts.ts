import { codeOf, reasonOf } from '../net/reason-of.ts';
import { completeParts } from '../uploads/complete-parts.ts';
import { parseUploadId } from '../uploads/multipart-plan.ts';
import { describe, refused } from './bucket-answer.ts';
import { type Check, fail, ok } from './check.ts';
import { BODY, type Trial } from './open-trial.ts';

/** Checks that an upload in parts can be begun, filled, listed, completed and aborted. */
export async function* checkParts(trial: Trial): AsyncIterable<Check> {
  const { multipart, bucket } = trial.services;
  let name = 'parts: begin';
  let action = 's3:PutObject';
  try {
    const upload = await trial.beginParts();
    yield ok(name, 'begun');
    const { objectKey: key, bucketUploadId } = upload;
    const begun = parseUploadId(trial.services.ids, key, upload.uploadId);
    const [signed] = upload.parts;
    if (signed === undefined || begun === null) throw new Error('no part was signed');

    const { sseKeyId } = begun;
    const send = (text: string) =>
      trial.send(signed.presignedUrl, { method: 'PUT', headers: signed.headers ?? {}, body: Buffer.from(text) });

    name = 'parts: one part';
    yield refused('parts: a larger one', await send(`${BODY}!`));
    const part = await send(BODY);
    if (!part.ok) {
      yield fail(name, describe(part), trial.remedyOf(part.code, action));
      return;
    }
    yield ok(name, `accepted (${part.status})`);

    name = 'parts: list';
    action = 's3:ListMultipartUploadParts';
    const parts = await multipart.listParts({ key, sseKeyId }, bucketUploadId);
    if (parts?.length !== 1) throw new Error(`the bucket lists ${parts?.length ?? 'no'} parts, not 1`);
    yield ok(name, 'listed');

    name = 'parts: complete';
    action = 's3:PutObject';
    await completeParts(multipart, { key, ...begun }, undefined);
    if ((await bucket.head(key))?.sizeBytes !== BODY.length) throw new Error('the object is not there, or not whole');
    yield ok(name, 'completed');

    name = 'parts: abort';
    action = 's3:AbortMultipartUpload';
    const given = await trial.beginParts();
    await multipart.abort(given.objectKey, given.bucketUploadId);
    if ((await multipart.listParts({ key: given.objectKey, sseKeyId }, given.bucketUploadId)) !== null) {
      throw new Error('the upload is still there');
    }
    yield ok(name, 'aborted');
  } catch (error) {
    yield fail(name, reasonOf(error), trial.remedyOf(codeOf(error), action));
  }
}
