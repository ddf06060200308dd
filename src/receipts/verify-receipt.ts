import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { RECEIPT_TYPE } from '../contract/receipt-type.ts';
import { RECEIPT_ALGORITHMS, RECEIPT_FIELDS, type Receipt } from './receipt.ts';

export type { Receipt } from './receipt.ts';

/** Whose receipts are accepted, and where the keys are: given, or fetched and kept for ten minutes. */
export type ReceiptOptions = {
  /** The service's `RECEIPT_ISSUER`. */
  issuer: string;
} & (
  | { jwks: { keys: readonly object[] } }
  /** The service's `/.well-known/jwks.json`. Take it from your settings, never from a receipt. */
  | { jwksUrl: string | URL }
);

/**
 * Why a receipt was not accepted. `invalid-receipt`: the text is not a receipt, was changed, or comes from another
 * service. `keys-unavailable`: the keys could not be fetched, so the receipt was not checked; try again.
 */
export class ReceiptError extends Error {
  override name = 'ReceiptError';
  readonly code: 'invalid-receipt' | 'keys-unavailable';
  constructor(code: ReceiptError['code'], message: string, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/**
 * Verifies a receipt, in any runtime with WebCrypto and `fetch`. A receipt does not expire: it states what was
 * confirmed, not that the file still exists.
 * @param receipt the text in `receipt` of `POST /confirm-upload`.
 * @returns what it states. Compare it with what you have: the owner you expect, the file's own size and checksum.
 * @throws {ReceiptError} with the reason in `cause`.
 * @example
 * const jwksUrl = 'https://uploads.example.com/.well-known/jwks.json';
 * const { ownerId, fileId, size } = await verifyReceipt(text, { jwksUrl, issuer: 'https://uploads.example.com' });
 */
export async function verifyReceipt(receipt: string, options: ReceiptOptions): Promise<Receipt> {
  try {
    const { payload } = await jwtVerify(receipt, keysOf(options), {
      issuer: options.issuer,
      typ: RECEIPT_TYPE,
      algorithms: [...RECEIPT_ALGORITHMS],
      requiredClaims: ['sub', ...RECEIPT_FIELDS, 'encrypted'],
    });
    const fields = Object.fromEntries(RECEIPT_FIELDS.map((name) => [name, payload[name]]));
    return { ...fields, issuer: payload.iss, ownerId: payload.sub, encrypted: payload.encrypted } as Receipt;
  } catch (cause) {
    if (cause instanceof ReceiptError) throw cause;
    throw new ReceiptError('invalid-receipt', 'this is not a valid receipt of this service', cause);
  }
}

function givenKeys(jwks: object): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(jwks as JSONWebKeySet);
  } catch (cause) {
    throw new ReceiptError('keys-unavailable', 'jwks is not a JWK Set', cause);
  }
}

/** By URL. jose caches the keys, and fetches them again for an unknown `kid`, at most every 30 seconds. */
const remoteKeys = new Map<string, JWTVerifyGetKey>();

function keysOf(options: ReceiptOptions): JWTVerifyGetKey {
  if ('jwks' in options) return givenKeys(options.jwks);
  const url = new URL(options.jwksUrl);
  const known = remoteKeys.get(url.href);
  if (known !== undefined) return known;
  const fetched = createRemoteJWKSet(url);
  const getKey: JWTVerifyGetKey = async (header, token) => {
    try {
      return await fetched(header, token);
    } catch (cause) {
      if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) throw cause;
      throw new ReceiptError('keys-unavailable', 'the keys of receipts could not be fetched', cause);
    }
  };
  remoteKeys.set(url.href, getKey);
  return getKey;
}
