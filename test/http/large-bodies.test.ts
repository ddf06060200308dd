import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type Mismatch, Problem } from '../../src/contract/errors.ts';
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

describe('a list of thousands of wrong entries', () => {
  let examined = 0;
  const part = z.strictObject({ partNumber: z.int(), etag: z.string().refine(() => ++examined) });
  const schema = z.strictObject({ parts: z.array(part).max(10_000), note: z.string().optional() });
  const app = new Hono<Env>()
    .use(boundBodies())
    .post('/', async (c) => c.json((await readJson(c, schema, MAX_BATCH_BODY_BYTES)).parts.length));
  app.onError((error, c) => c.json(error instanceof Problem ? error.errors : error.message, 400));
  const right = Array.from({ length: 10_000 }, (_, i) => ({ partNumber: i + 1, etag: 'e' }));
  const answer = async (body: unknown) => {
    examined = 0;
    const headers = { 'content-type': 'application/json' };
    return (await app.request('/', { method: 'POST', headers, body: JSON.stringify(body) })).json();
  };
  const errorsOf = async (body: unknown) => (await answer(body)) as Mismatch[];
  const pathsOf = async (body: unknown) => (await errorsOf(body)).map(({ path }) => path);

  it('is examined only as far as the mismatches are answered', async () => {
    const paths = await pathsOf({ parts: right.map(({ etag }) => ({ partNumber: 'x', etag })) });
    expect(paths).toHaveLength(100);
    expect(paths[99]).toBe('parts.99.partNumber');
    expect(examined).toBeLessThanOrEqual(500);
  });

  it('is refused with the place of each, also at its end, and for what is wrong beside it', async () => {
    expect(await pathsOf({ parts: right.with(9_998, { partNumber: 1.5, etag: 'e' }) })).toEqual([
      'parts.9998.partNumber',
    ]);
    expect(await errorsOf({ parts: [...right.slice(1), {}] })).toEqual([
      { path: 'parts.9999.partNumber', message: 'is missing' },
      { path: 'parts.9999.etag', message: 'is missing' },
    ]);
    expect(await pathsOf({ parts: right, note: 1 })).toEqual(['note']);
    expect(await pathsOf({ parts: [...right, ...right.slice(0, 1_000)] })).toEqual(['parts']);
  });

  it('is refused without the object around it, and so is a large body of nothing', async () => {
    expect(await pathsOf(right)).toEqual(['']);
    const headers = { 'content-type': 'application/json' };
    const body = `${' '.repeat(100_000)}null`;
    const refused = await app.request('/', { method: 'POST', headers, body });
    expect(await refused.json()).toEqual([{ path: '', message: expect.stringContaining('expected object') }]);
  });

  it('is taken if all entries are right', async () => {
    expect(await answer({ parts: right })).toBe(10_000);
  });
});

describe('a body whose length is not announced, as over HTTP/2', () => {
  const schema = z.strictObject({ text: z.string() });
  const app = new Hono<Env>().use(boundBodies()).post('/', async (c) => {
    await readJson(c, schema);
    return c.json((await readJson(c, schema)).text);
  });
  app.onError((error, c) => c.json({ code: error instanceof Problem ? error.code : error.message }, 400));
  const send = async (pieces: Iterable<string>) => {
    const encoder = new TextEncoder();
    const source = pieces[Symbol.iterator]();
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const { done, value } = source.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    });
    const headers = { 'content-type': 'application/json' };
    return (await app.request('/', { method: 'POST', headers, body, duplex: 'half' } as RequestInit)).json();
  };

  it('is read no further than its limit', async () => {
    let sent = 0;
    const endless = (function* () {
      for (;;) {
        sent += 1;
        if (sent > 1000) throw new Error('the body was read past its limit');
        yield 'x'.repeat(1024);
      }
    })();
    expect(await send(endless)).toEqual({ code: 'body-too-large' });
  });

  it.each(['{', '[', ','])('is not parsed with more than 35,000 of %s', async (each) => {
    expect(await send([each.repeat(36_000)])).toEqual({ code: 'body-too-large' });
    expect(await send([each.repeat(1000), ' '.repeat(35_000)])).toEqual({ code: 'invalid-request' });
  });

  it('can be read again, for the audit log', async () => {
    expect(await send(['{"text":', '"hello"}'])).toBe('hello');
  });
});
