import { relative, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Local } from '../config/slices.ts';
import { SECRETS_FILE } from '../local/dev-secrets.ts';
import { EMBEDDED_BUCKET } from '../local/embedded-bucket.ts';
import { DEMO_USER, mintDemoToken } from './demo-token.ts';
import { packageFolder } from './package-folder.ts';

/** Tells a developer, on standard output, how to try the service. Never called in production. */
export async function printWelcome(
  config: Pick<Config, 'server' | 'auth' | 'bucket' | 'local'>,
  port: number,
  bucketOrigin: string,
): Promise<void> {
  const host = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[config.server.host] ?? config.server.host;
  const url = `http://${host}:${port}`;
  console.log(`\nTo try it in a browser, open ${url}\n`);
  const token = await mintDemoToken(config, () => new Date());
  if (token === null) return;
  const headers = `-H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json'`;
  const upload = '{"fileName":"hello.txt","contentType":"text/plain","size":5}';
  console.log(`A token for the user "${DEMO_USER}", good for a day (${program()} token <user> makes others):

export SIGNPOST=${url} TOKEN=${token}

Upload, confirm and download (needs jq; ${program()} upload FILE does it with any file):

curl -s $SIGNPOST/presign-upload ${headers} -d '${upload}' > upload.json
jq -r '.headers | to_entries[] | "\\(.key): \\(.value)"' upload.json > upload.headers
curl -s -X PUT --data-binary hello -H @upload.headers "$(jq -r .presignedUrl upload.json)"
jq '{objectKey}' upload.json | curl -s $SIGNPOST/confirm-upload ${headers} -d @-
jq '{objectKey}' upload.json | curl -s $SIGNPOST/presign-download ${headers} -d @- | jq -r .presignedUrl | xargs curl -s
curl -s $SIGNPOST/files -H "Authorization: Bearer $TOKEN"
`);
  if (config.bucket === null) console.log(howToLookInto(config.local, bucketOrigin));
}

/**
 * The commands of this very package, by their file. Not by name: where the package is not installed, npx takes what a
 * registry has under that name.
 */
function program(): string {
  const path = packageFolder('dist/signpost.js');
  const shown = relative('.', path).startsWith('..') ? path : relative('.', path);
  return `node ${shown.includes(' ') ? `'${shown}'` : shown}`;
}

/** One command to paste; the secret stays in its file. */
function howToLookInto({ dataDir }: Local, url: string): string {
  const { name, accessKeyId, region } = EMBEDDED_BUCKET;
  const secrets = `'${resolve(dataDir, SECRETS_FILE).replaceAll("'", `'\\''`)}'`;
  const secret = `"$(jq -r .s3SecretAccessKey ${secrets})"`;
  // A shell with temporary credentials of AWS has a token, which belongs to other keys.
  const keys = `AWS_SESSION_TOKEN= AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secret}`;
  return `To look into the embedded bucket (docs/embedded-bucket.md has other programs):

${keys} AWS_DEFAULT_REGION=${region} aws --endpoint-url ${url} s3 ls --recursive s3://${name}
`;
}
