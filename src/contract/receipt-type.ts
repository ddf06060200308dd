/**
 * The `typ` of a receipt (RFC 8725, section 3.11): so a receipt, which has no end and names a user, is never accepted
 * as a token, nor a token as a receipt, even if one key signed both.
 */
export const RECEIPT_TYPE = 'signpost-receipt+jwt';
