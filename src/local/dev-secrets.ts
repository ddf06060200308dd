import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readOrMake } from './read-or-make.ts';

/** The names of the files in a data directory. */
export const SECRETS_FILE = 'secrets.json';
const RECEIPT_KEY_FILE = 'receipt-key.pem';

type DevSecrets = { jwtSecret: string; s3SecretAccessKey: string };

/** The secrets of a data directory, so that tokens and presigned URLs stay valid across restarts. */
export async function readDevSecrets(directory: string): Promise<DevSecrets> {
  const text = await readOrMake(join(directory, SECRETS_FILE), () => {
    const fresh: DevSecrets = {
      jwtSecret: randomBytes(48).toString('base64url'),
      s3SecretAccessKey: randomBytes(30).toString('base64url'),
    };
    return JSON.stringify(fresh, null, 2);
  });
  return JSON.parse(text) as DevSecrets;
}

/** The key of a data directory that signs receipts: Ed25519, as PEM (PKCS #8). */
export function readDevReceiptKey(directory: string): Promise<string> {
  return readOrMake(join(directory, RECEIPT_KEY_FILE), () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  });
}
