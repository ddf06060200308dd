/** The embedded bucket's name and access key; each data directory has its own secret. */
export const EMBEDDED_BUCKET = { name: 'signpost', accessKeyId: 'signpost', region: 'us-east-1' } as const;
