import { SignJWT } from 'jose';
import type { StoredFile } from '../client/stored-file.ts';
import { RECEIPT_TYPE } from '../contract/receipt-type.ts';
import { type PublicJwk, readReceiptKeys } from './read-receipt-keys.ts';
import { RECEIPT_FIELDS } from './receipt.ts';

export type Receipts = {
  /** The public keys, as `/.well-known/jwks.json` answers them: a JWK Set (RFC 7517, section 5). */
  jwks: { keys: readonly PublicJwk[] };
  /** Signs the receipt of a confirmed file: a JWT in compact form. null: there are no receipts. */
  sign: ((file: StoredFile, ownerId: string) => Promise<string>) | null;
};

/**
 * Reads the keys of receipts. All receipts of a file have the same claims, no matter when and by which instance they
 * were signed. With Ed25519, whose signatures are deterministic (RFC 8032), they are the same text.
 * @param options.keys the text of RECEIPT_KEYS; null: no receipts.
 * @param options.issuer becomes `iss`.
 * @throws {Error} naming RECEIPT_KEYS.
 */
export async function createReceipts({ keys, issuer }: { keys: string | null; issuer: string }): Promise<Receipts> {
  const all = keys === null ? [] : await readReceiptKeys(keys);
  const jwks = { keys: all.map(({ publicJwk }) => publicJwk) };
  const [first] = all;
  if (first === undefined || first.sign === null) return { jwks, sign: null };
  const { sign: key, publicJwk } = first;
  const header = { alg: publicJwk.alg, kid: publicJwk.kid, typ: RECEIPT_TYPE };

  return {
    jwks,
    sign: (file, ownerId) => {
      const fields = Object.fromEntries(RECEIPT_FIELDS.map((name) => [name, file[name]]));
      const iat = Math.floor(Date.parse(file.createdAt) / 1000);
      const encrypted = file.encryption !== null;
      return new SignJWT({ iss: issuer, sub: ownerId, jti: file.fileId, iat, ...fields, encrypted })
        .setProtectedHeader(header)
        .sign(key);
    },
  };
}
