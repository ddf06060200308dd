import { Problem } from './errors.ts';

declare const brand: unique symbol;

/** A user's id: well-formed Unicode without control characters, 1 to 255 bytes of UTF-8. */
export type UserId = string & { readonly [brand]: 'UserId' };

/** A key made by `buildObjectKey` or checked by `parseObjectKey`. */
export type ObjectKey = string & { readonly [brand]: 'ObjectKey' };

export type ObjectKeyParts = {
  userId: UserId;
  recordId: string | null;
  documentType: string | null;
  /** UUIDv7. */
  fileId: string;
  /** Already reduced by `safeFileName`. */
  fileName: string;
};

export type ParsedKey = ObjectKeyParts & { key: ObjectKey };

/** The format of a record id or a document type, the same in the key and in the request. */
export const LABEL_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A UUIDv7 (RFC 9562, section 5.7) in its canonical lower-case form. */
export const FILE_ID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const PLAIN_USER_PATTERN = /^[A-Za-z0-9_-]{1,128}$/;
const SAFE_FILE_NAME_PATTERN = /^[A-Za-z0-9._-]{1,128}$/;
const MAX_USER_ID_BYTES = 255;
const MAX_FILE_NAME_LENGTH = 128;
const MAX_EXTENSION_LENGTH = 32;
const NO_LABEL = '_';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/;

/** Bidirectional overrides: `\u202Efdp.exe` reads `exe.pdf`. The other controls belong to right-to-left names. */
const BIDI_OVERRIDES = /[\u202d\u202e]/;

/**
 * True for text that may be a name, a metadata value or an id: well-formed (UTF-8 cannot carry lone surrogates), no
 * control characters (header and log injection; PostgreSQL has no NUL), no bidi overrides.
 */
export function isCleanText(text: string): boolean {
  return text.isWellFormed() && !CONTROL_CHARACTERS.test(text) && !BIDI_OVERRIDES.test(text);
}

/** A `UserId`, or null for an invalid one. */
export function toUserId(value: unknown): UserId | null {
  if (typeof value !== 'string' || value === '' || !value.isWellFormed() || CONTROL_CHARACTERS.test(value)) return null;
  return Buffer.byteLength(value) <= MAX_USER_ID_BYTES ? (value as UserId) : null;
}

/**
 * The audit log's name for an actor that is not a user. It starts with a control character, which user ids cannot
 * contain, so it is never mistaken for a user.
 */
export function systemActor(name: string): UserId {
  return `\u001f${name}` as UserId;
}

/**
 * A user's single path segment: a plain id unchanged, otherwise `~` and the base64url of its UTF-8 bytes. `~` is not a
 * plain character, so no two users share a segment.
 */
export function userSegment(userId: UserId): string {
  return PLAIN_USER_PATTERN.test(userId) ? userId : `~${Buffer.from(userId).toString('base64url')}`;
}

/** The prefix of all keys of this user, and of no other user's. */
export function userPrefix(keyPrefix: string, userId: UserId): string {
  return `${keyPrefix}${userSegment(userId)}/`;
}

/**
 * Reduces a client's file name to what is safe in a URL, a shell and every store: the last path segment, characters
 * outside `[A-Za-z0-9._-]` replaced by `_`, at most 128 characters with the extension kept. `file` if only dots are
 * left, since URLs resolve `.` and `..`.
 */
export function safeFileName(fileName: string): string {
  const reduced = baseName(fileName).replace(/[^A-Za-z0-9._-]/gu, '_');
  if (/^\.*$/.test(reduced)) return 'file';
  if (reduced.length <= MAX_FILE_NAME_LENGTH) return reduced;
  const dot = reduced.lastIndexOf('.');
  const extension = dot > 0 && reduced.length - dot <= MAX_EXTENSION_LENGTH ? reduced.slice(dot) : '';
  return reduced.slice(0, MAX_FILE_NAME_LENGTH - extension.length) + extension;
}

/** `{keyPrefix}{user}/{recordId or _}/{documentType or _}/{fileId}/{fileName}`. */
export function buildObjectKey(keyPrefix: string, parts: ObjectKeyParts): ObjectKey {
  const { userId, recordId, documentType, fileId, fileName } = parts;
  const path = `${recordId ?? NO_LABEL}/${documentType ?? NO_LABEL}/${fileId}/${fileName}`;
  return `${userPrefix(keyPrefix, userId)}${path}` as ObjectKey;
}

/**
 * The parts of a key, or null if `buildObjectKey` cannot have made it. Exact: building a key from the parsed parts
 * gives the same key again.
 */
export function parseObjectKey(keyPrefix: string, key: string): ParsedKey | null {
  if (!key.startsWith(keyPrefix)) return null;
  const segments = key.slice(keyPrefix.length).split('/');
  if (segments.length !== 5) return null;
  const [user, record, type, fileId, fileName] = segments as [string, string, string, string, string];
  const userId = userOfSegment(user);
  const recordId = labelOfSegment(record);
  const documentType = labelOfSegment(type);
  if (userId === null || recordId === undefined || documentType === undefined) return null;
  if (!FILE_ID_PATTERN.test(fileId) || !SAFE_FILE_NAME_PATTERN.test(fileName) || /^\.+$/.test(fileName)) return null;
  return { key: key as ObjectKey, userId, recordId, documentType, fileId, fileName };
}

/**
 * Decides from the key alone whether it belongs to the user, without asking the bucket or the database.
 * @returns the key's parts, or null for a key under the user's prefix that the service never signed.
 * @throws {Problem} `not-your-object` if the key is outside the user's prefix.
 */
export function parseOwnKey(keyPrefix: string, userId: UserId, key: string) {
  if (!key.startsWith(userPrefix(keyPrefix, userId))) {
    throw new Problem('not-your-object', 'the object key is not under your prefix');
  }
  return parseObjectKey(keyPrefix, key);
}

/**
 * The key of the verified copy of an upload that could be sent again under its own key. No user's segment starts with a
 * dot, so no client has a signature for it, and no two copies share a key.
 */
export function frozenKey(keyPrefix: string, key: ObjectKey, copyId: string): string {
  return `${keyPrefix}.verified/${copyId}/${key.slice(keyPrefix.length)}`;
}

/** The upload whose verified copy has this key; null if `frozenKey` cannot have made it. */
export function parseFrozenKey(keyPrefix: string, key: string) {
  const folder = `${keyPrefix}.verified/`;
  const slash = key.indexOf('/', folder.length);
  if (!key.startsWith(folder) || !FILE_ID_PATTERN.test(key.slice(folder.length, slash))) return null;
  return parseObjectKey(keyPrefix, keyPrefix + key.slice(slash + 1));
}

/** The last path segment of a file name, with slashes or backslashes. */
export function baseName(fileName: string): string {
  return fileName.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1);
}

/** The URL of an object on the public bucket or CDN. Keys hold only characters that need no escaping in URLs. */
export function publicFileUrl(publicBaseUrl: string | null, key: string): string | null {
  return publicBaseUrl === null ? null : `${publicBaseUrl}/${key}`;
}

function userOfSegment(segment: string): UserId | null {
  if (!segment.startsWith('~')) return PLAIN_USER_PATTERN.test(segment) ? toUserId(segment) : null;
  const userId = toUserId(Buffer.from(segment.slice(1), 'base64url').toString());
  // Base64 decoders are lenient, and a plain id has a plain segment: only the canonical spelling counts.
  return userId !== null && userSegment(userId) === segment ? userId : null;
}

function labelOfSegment(segment: string): string | null | undefined {
  if (segment === NO_LABEL) return null;
  return LABEL_PATTERN.test(segment) ? segment : undefined;
}
