import type { XmlNode } from './xml-body.ts';

/** The only account, as listings and access control lists name it; S3's ids are 64 hex digits. */
export const OWNER_ID = '5'.repeat(64);

export const OWNER_NODES: readonly XmlNode[] = [
  ['ID', OWNER_ID],
  ['DisplayName', 'owner'],
];
