import { Hono } from 'hono';
import { expect, it } from 'vitest';
import * as z from 'zod';
import { boundBodies } from '../../src/http/bound-bodies.ts';
import type { Env } from '../../src/http/env.ts';
import { MAX_BATCH_BODY_BYTES, readJson } from '../../src/http/validate.ts';

it('lets other requests be answered between large bodies that end together', async () => {
  const events: string[] = [];
  const schema = z.strictObject({ text: z.string() }).refine(() => events.push('validated'));
  const app = new Hono<Env>()
    .use(boundBodies())
    .post('/', async (c) => c.json({ length: (await readJson(c, schema, MAX_BATCH_BODY_BYTES)).text.length }))
    .get('/', (c) => c.text('ok'));
  const body = JSON.stringify({ text: 'a'.repeat(100_000) });
  const headers = { 'content-type': 'application/json' };
  let isOver = false;
  const others = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      await app.request('/');
      events.push('answered');
    }
  })();
  const large = Array.from({ length: 8 }, () => app.request('/', { method: 'POST', headers, body }));
  for (const answer of await Promise.all(large)) expect(answer.status).toBe(200);
  isOver = true;
  await others;
  expect(events.filter((event) => event === 'validated')).toHaveLength(8);
  expect(events.join(' ')).not.toContain('validated validated');
});
