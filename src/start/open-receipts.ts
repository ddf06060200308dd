import type { Config } from '../config/config.ts';
import { readDevReceiptKey } from '../local/dev-secrets.ts';
import { createReceipts, type Receipts } from '../receipts/create-receipts.ts';

/** Receipts with the configured keys, or, where something embedded runs, with a key made once in `DATA_DIR`. */
export async function openReceipts(
  config: Pick<Config, 'receipts' | 'local' | 'bucket' | 'database'>,
): Promise<Receipts> {
  const { receipts, local, bucket, database } = config;
  const isEmbedded = bucket === null || database.isEmbedded;
  const keys = receipts.keys ?? (isEmbedded ? await readDevReceiptKey(local.dataDir) : null);
  return createReceipts({ ...receipts, keys });
}
