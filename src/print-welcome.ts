import type { Config } from './config.ts';
import { DEMO_USER, mintDemoToken } from './demo-token.ts';

/** Tells a developer, on standard output, how to try the service: never called in production. */
export async function printWelcome(config: Config, port: number, now: () => Date): Promise<void> {
  const host = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[config.host] ?? config.host;
  const url = `http://${host}:${port}`;
  console.log(`\nTo try it in a browser, open ${url}\n`);
  const token = await mintDemoToken(config, now);
  if (token === null) return;
  console.log(`A token for the user "${DEMO_USER}", good for a day (npm run token -- <user> makes others):

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
