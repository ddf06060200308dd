/** What the embedded bucket is called and who may use it; the secret is a data directory's own. */
export const EMBEDDED_BUCKET = { name: 'signpost', accessKeyId: 'signpost', region: 'us-east-1' } as const;
