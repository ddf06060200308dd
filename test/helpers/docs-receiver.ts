import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { createPinnedPost } from '../../src/webhooks/post-pinned.ts';
import { createWebhookSigner } from '../../src/webhooks/sign-webhook.ts';
import { listen } from './listen.ts';
import { WEBHOOK_SECRET } from './webhook-receiver.ts';

type Told = { id: string; event: unknown };

/** Runs the code of docs/webhooks.md that has this text, with these names for its imports, and returns `result`. */
export async function runReceiver<Result>(has: string, imports: Record<string, unknown>, result: string) {
  const text = await readFile(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);
  const code = blocks.find((each) => each.includes(has));
  if (code === undefined) throw new Error(`docs/webhooks.md has no block with ${has}`);
  const told: Told[] = [];
  const scope = {
    ...imports,
    Webhook,
    process: { env: { WEBHOOK_SECRET } },
    onEvent: async (id: string, event: unknown) => void told.push({ id, event }),
  };
  const body = `${code.replace(/^import .*$/gm, '').replace(/^export /gm, '')}\nreturn ${result};`;
  const receiver: Result = new Function(...Object.keys(scope), body)(...Object.values(scope));
  return { receiver, told };
}

const BODY = '{"type":"file.confirmed","timestamp":"2026-11-27T10:00:00.000Z","data":{"fileName":"Łódź 📄.pdf"}}';
const HOUR_MS = 3_600_000;

/**
 * Sends a message as the service does, and three that it did not send so: with another secret, changed, and signed an
 * hour ago.
 * @returns the statuses, and what the receiver was told.
 */
export async function sendTo(server: Server, told: readonly Told[]) {
  const post = createPinnedPost(`${await listen(server)}/webhooks/signpost`, true);
  const send = (headers: Record<string, string>, body = BODY) => {
    const length = String(Buffer.byteLength(body));
    const all = { ...headers, 'content-type': 'application/json', 'content-length': length };
    return post(body, all, AbortSignal.timeout(30_000)).then(({ status }) => status);
  };
  const sign = createWebhookSigner([WEBHOOK_SECRET]);
  const forge = createWebhookSigner([`whsec_${Buffer.alloc(32, 8).toString('base64')}`]);
  try {
    return {
      accepted: await send(sign('one', Date.now(), BODY)),
      refused: [
        await send(forge('two', Date.now(), BODY)),
        await send(sign('three', Date.now(), BODY), BODY.replace('confirmed', 'deleted')),
        await send(sign('four', Date.now() - HOUR_MS, BODY)),
        await send({}),
      ],
      told,
      expected: [{ id: 'one', event: JSON.parse(BODY) }],
    };
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
