import { mintToken } from './auth/mint-token.ts';
import type { Config } from './config.ts';
import { readDevSecrets } from './local/dev-secrets.ts';
import type { UserId } from './object-key.ts';

const DEMO_USER = 'demo' as UserId;
const DEMO_TOKEN_SECONDS = 24 * 3600;

/** Tells a developer, on standard output, how to try the service: never called in production. */
export async function printWelcome(config: Config, port: number, now: () => Date): Promise<void> {
  const url = `http://${config.host === '0.0.0.0' ? '127.0.0.1' : config.host}:${port}`;
  const secret = await readSigningSecret(config);
  if (secret === null) {
    console.log(`\nSignpost listens on ${url}. Tokens come from your issuer.\n`);
    return;
  }
  const token = await mintToken({ ...config.auth, secret, userId: DEMO_USER, ttlSeconds: DEMO_TOKEN_SECONDS, now });
  console.log(`
Signpost listens on ${url}${config.bucket === null ? `, with everything it keeps in ${config.dataDir}/` : ''}

A token for the user "${DEMO_USER}", good for a day (npm run token -- <user> makes others):

export SIGNPOST=${url} TOKEN=${token}

Upload, confirm and download (needs jq; scripts/walkthrough.sh does it with any file):

curl -s $SIGNPOST/presign-upload -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"fileName":"hello.txt","contentType":"text/plain","size":5}' > upload.json
jq -r '.headers | to_entries[] | "\\(.key): \\(.value)"' upload.json > upload.headers
curl -s -X PUT --data-binary hello -H @upload.headers "$(jq -r .presignedUrl upload.json)"
jq '{objectKey}' upload.json | curl -s $SIGNPOST/confirm-upload -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d @-
jq '{objectKey}' upload.json | curl -s $SIGNPOST/presign-download -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d @- | jq -r .presignedUrl | xargs curl -s
curl -s $SIGNPOST/files -H "Authorization: Bearer $TOKEN"
`);
}

/** The secret that tokens are signed with, or null where only an issuer elsewhere can make them. */
export async function readSigningSecret(config: Config): Promise<string | null> {
  const { key } = config.auth;
  if (key === null) return (await readDevSecrets(config.dataDir)).jwtSecret;
  return key.kind === 'secret' ? key.secret : null;
}
