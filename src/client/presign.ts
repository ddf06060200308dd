import type { Remembered } from './stored-file.ts';
import { callRepeatedly, type Session, staleAtMs } from './transfer.ts';

/** The body of `POST /presign-upload`, without `checksumSha256`. */
export type UploadRequest = Remembered & {
  fileName: string;
  contentType: string;
  /** Bytes. */
  size: number;
  /** If the upload has several parts, each carries its SHA-256. */
  partChecksums?: true;
  /** How to decrypt it, if it is encrypted. */
  encryption?: string;
  /** Default: the service decides by the size. */
  method?: 'PUT' | 'MULTIPART';
};

type Common = { objectKey: string; expiresAt: string; serverTime: string; staleAtMs: number };
export type PutTicket = Common & { method: 'PUT'; presignedUrl: string; headers: Record<string, string> };
export type PartsTicket = Common & {
  method: 'MULTIPART';
  uploadId: string;
  partSize: number;
  parts: { partNumber: number; presignedUrl: string }[];
};

/** Asks the service for presigned URLs. */
export async function presign<Ticket extends PutTicket | PartsTicket>(
  session: Session,
  request: UploadRequest & { checksumSha256?: string | undefined },
  signal: AbortSignal,
): Promise<Ticket> {
  const askedAtMs = session.now();
  const ticket = await callRepeatedly<Ticket>(session, '/presign-upload', request, signal);
  return { ...ticket, staleAtMs: staleAtMs(ticket, askedAtMs) };
}
