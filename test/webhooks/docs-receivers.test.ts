import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { runReceiver, sendTo } from '../helpers/docs-receiver.ts';

it("the receiver of docs/webhooks.md in Hono accepts the service's messages, and no others", async () => {
  const { receiver, told } = await runReceiver<Hono>("from 'hono'", { Hono }, 'hono');
  receiver.onError((_, c) => c.body(null, 500));
  const { accepted, refused, expected } = await sendTo(createServer(getRequestListener(receiver.fetch)), told);
  expect(accepted).toBe(204);
  expect(refused).toEqual([500, 500, 500, 500]);
  expect(told).toEqual(expected);
});
