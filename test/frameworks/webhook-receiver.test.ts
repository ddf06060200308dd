import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { runReceiver, sendTo } from '../helpers/docs-receiver.ts';

it("the receiver of docs/webhooks.md in Express accepts the service's messages, and no others", async () => {
  const express: unknown = createRequire(import.meta.url)('express');
  const { receiver, told } = await runReceiver<RequestListener>("from 'express'", { express }, 'app');
  const { accepted, refused, expected } = await sendTo(createServer(receiver), told);
  expect(accepted).toBe(204);
  expect(refused).toEqual([500, 500, 500, 500]);
  expect(told).toEqual(expected);
});
