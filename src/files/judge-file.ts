import * as z from 'zod';
import { type ActingCaller, audited } from '../audit/audited.ts';
import { recordAct } from '../audit/record-events.ts';
import type { StoredFile } from '../client/stored-file.ts';
import { headersField, presignedUrlField, timeField } from '../contract/answer-fields.ts';
import { Problem } from '../contract/errors.ts';
import { cleanText } from '../contract/fields.ts';
import { HELD_STATE, VERDICTS } from '../contract/file-states.ts';
import { answers, requests } from '../contract/named-schemas.ts';
import type { FileRow } from '../db/schema.ts';
import { type ChangeFileServices, findOwn, wrongState } from './change-file.ts';
import { decide, removeRejected } from './decide.ts';
import { fileAnswer, toFile } from './file-answer.ts';
import { toFileId } from './get-file.ts';
import { type PresignDownloadServices, signDownload } from './presign-download.ts';

const verdict = z.enum(VERDICTS);

/** The body of `POST /files/{fileId}/verdict`. */
export const verdictInput = z
  .strictObject({
    verdict,
    reason: cleanText.min(1).max(500).optional().describe('The owner can read it. Required for `rejected`.'),
    by: cleanText.min(1).max(100).optional().describe('The person or the program behind the verdict.'),
  })
  .refine((input) => input.verdict === 'clean' || input.reason !== undefined, {
    path: ['reason'],
    message: 'must say why the file is rejected',
  })
  .register(requests, { id: 'VerdictRequest' });

type VerdictInput = z.infer<typeof verdictInput>;

/** The answer of `GET /files/{fileId}/verdict`. */
export const verdictAnswer = z
  .strictObject({
    file: fileAnswer,
    verdict: z
      .strictObject({ verdict, reason: z.string().nullable(), by: z.string().nullable(), at: timeField })
      .nullable()
      .describe('Null until the file is judged.'),
    presignedUrl: presignedUrlField.nullable().describe('Reads the bytes to be judged; null unless the file is held.'),
    headers: headersField.optional().describe('To send with it, where the file has a key of its own (SSE-C).'),
    expiresAt: timeField.nullable(),
  })
  .register(answers, { id: 'Verdict' });

export type JudgeFileServices = ChangeFileServices & PresignDownloadServices;

/**
 * Decides on a held file. `clean` makes it active. `rejected` first writes the reason into its row, then removes the
 * object; if the bucket does not answer, the sweeper removes it. The same verdict may be repeated; the first one's
 * reason stays.
 * @throws {Problem} `file-not-found`; `conflict` for the opposite verdict and for a file that was never held;
 * `database-unavailable`.
 */
export const judgeFile = audited('file.judge', judge, (fileId) => ({ fileId }));

/**
 * A file's verdict for its judge, and while it is held a URL that reads its bytes.
 * @throws {Problem} `file-not-found`, also for a file that was never held; `database-unavailable`.
 */
export const readVerdict = audited('download.judge', read, (fileId) => ({ fileId }));

async function judge(
  services: ChangeFileServices,
  caller: ActingCaller,
  fileId: string,
  { verdict, reason, by }: VerdictInput,
): Promise<StoredFile> {
  const { config } = services;
  const act = { ...caller.act, action: `file.${verdict}` } as const;
  const id = toFileId(config.store, caller, { fileId });
  const file = id && { id, ownerId: caller.userId, onlyOfRecord: caller.limits?.recordId };
  const said = { verdict, reason: reason ?? null, by: by ?? null };
  const decided = file && (await decide(services, file, said, act));
  const row = decided || (await findOwn(services, caller, fileId));
  if (row.verdict?.verdict !== verdict) throw wrongState(row);
  if (!decided) {
    await recordAct(services, caller, act.action, { fileId, objectKey: row.objectKey });
    await removeRejected(services, row, caller.requestId);
  }
  return toFile(row, config.urls.publicBaseUrl);
}

async function read(
  services: JudgeFileServices,
  caller: ActingCaller,
  fileId: string,
): Promise<z.infer<typeof verdictAnswer>> {
  const row: FileRow = await findOwn(services, caller, fileId);
  const isHeld = row.status === HELD_STATE;
  if (!isHeld && row.verdict === null) throw new Problem('file-not-found', 'no file with this id was held');
  await recordAct(services, caller, caller.act.action, { fileId, objectKey: row.objectKey });
  const signed = isHeld ? await signDownload(services, row, {}, services.now()) : null;
  return {
    file: toFile(row, services.config.urls.publicBaseUrl),
    verdict: row.verdict,
    presignedUrl: signed?.presignedUrl ?? null,
    ...(signed?.headers && { headers: signed.headers }),
    expiresAt: signed?.expiresAt ?? null,
  };
}
