export type Progress = { sentBytes: number; totalBytes: number };
