import { describe, expect, it } from 'vitest';
import { type Credentials, rememberCredentials } from '../../src/signing/credentials.ts';

const START = Date.parse('2026-11-20T17:00:00Z');
const MINUTE_MS = 60_000;

/** A provider that numbers what it gives, each valid for an hour from when it is asked, and a clock to move. */
function memory(options: { lifetimeMs?: number } = {}) {
  const { lifetimeMs = 60 * MINUTE_MS } = options;
  const state = { nowMs: START, fetched: 0, fails: false };
  const now = () => new Date(state.nowMs);
  const credentials = rememberCredentials(async () => {
    state.fetched += 1;
    if (state.fails) throw new Error(`provider failed at call ${state.fetched}`);
    return temporary(`key-${state.fetched}`, state.nowMs + lifetimeMs);
  }, now);
  return { state, credentials };
}

function temporary(accessKeyId: string, endMs: number): Credentials {
  return { accessKeyId, secretAccessKey: 'secret', sessionToken: 'token', expiration: new Date(endMs) };
}

/** Lets everything a settled provider set off run to its end. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('remembered credentials', () => {
  it('are fetched once and then given without a promise', async () => {
    const { state, credentials } = memory();
    const first = await credentials();
    expect(credentials()).toBe(first);
    expect(state.fetched).toBe(1);
  });

  it('are fetched once for callers at the same time', async () => {
    const { state, credentials } = memory();
    const all = await Promise.all(Array.from({ length: 10 }, async () => credentials()));
    expect(new Set(all).size).toBe(1);
    expect(state.fetched).toBe(1);
  });

  it('never change when they have no end', async () => {
    const state = { nowMs: START, fetched: 0 };
    const credentials = rememberCredentials(
      async () => ({ accessKeyId: `key-${++state.fetched}`, secretAccessKey: 'secret' }),
      () => new Date(state.nowMs),
    );
    await credentials();
    state.nowMs += 1e12;
    expect(credentials()).toEqual({ accessKeyId: 'key-1', secretAccessKey: 'secret' });
    await settle();
    expect(state.fetched).toBe(1);
  });

  it('are not refreshed until five minutes before their end', async () => {
    const { state, credentials } = memory();
    await credentials();
    state.nowMs += 55 * MINUTE_MS;
    expect(credentials()).toMatchObject({ accessKeyId: 'key-1' });
    await settle();
    expect(state.fetched).toBe(1);
  });

  it('are refreshed in the background in their last five minutes, while the old ones are still given', async () => {
    const { state, credentials } = memory();
    await credentials();
    state.nowMs += 55 * MINUTE_MS + 1;
    expect(credentials()).toMatchObject({ accessKeyId: 'key-1' });
    expect(credentials()).toMatchObject({ accessKeyId: 'key-1' });
    await settle();
    expect(credentials()).toMatchObject({ accessKeyId: 'key-2' });
    expect(state.fetched).toBe(2);
  });

  it('are kept when a refresh fails, and refreshed again ten seconds later', async () => {
    const { state, credentials } = memory();
    await credentials();
    state.nowMs += 56 * MINUTE_MS;
    state.fails = true;
    credentials();
    await settle();
    expect(credentials()).toMatchObject({ accessKeyId: 'key-1' });
    state.nowMs += 9_999;
    credentials();
    await settle();
    expect(state.fetched).toBe(2);
    state.fails = false;
    state.nowMs += 1;
    credentials();
    await settle();
    expect(credentials()).toMatchObject({ accessKeyId: 'key-3' });
  });

  it('do not ask a provider at every call whose credentials last only minutes', async () => {
    const { state, credentials } = memory({ lifetimeMs: MINUTE_MS });
    await credentials();
    for (let call = 0; call < 100; call++) {
      credentials();
      await settle();
    }
    expect(state.fetched).toBe(1);
  });

  it('are waited for once they have expired, to the millisecond', async () => {
    const { state, credentials } = memory();
    await credentials();
    state.nowMs += 60 * MINUTE_MS - 1;
    expect(credentials()).toMatchObject({ accessKeyId: 'key-1' });
    await settle();
    state.nowMs = START + 200 * MINUTE_MS;
    expect(credentials()).toBeInstanceOf(Promise);
    expect(await credentials()).toMatchObject({ accessKeyId: 'key-3' });
  });

  it('reject with the provider’s own error when they have ended, and recover at the next call', async () => {
    const { state, credentials } = memory();
    await credentials();
    state.nowMs += 60 * MINUTE_MS;
    state.fails = true;
    await expect(credentials()).rejects.toThrow('provider failed at call 2');
    state.fails = false;
    expect(await credentials()).toMatchObject({ accessKeyId: 'key-3' });
  });

  it('recover from a first fetch that failed, even one that threw before its promise', async () => {
    let calls = 0;
    const credentials = rememberCredentials(
      () => {
        calls += 1;
        if (calls === 1) throw new Error('not yet');
        return Promise.resolve(temporary('key-2', START + MINUTE_MS));
      },
      () => new Date(START),
    );
    await expect(credentials()).rejects.toThrow('not yet');
    expect(await credentials()).toMatchObject({ accessKeyId: 'key-2' });
  });

  it('are never given when the provider’s own have ended already', async () => {
    const credentials = rememberCredentials(
      async () => temporary('old', START),
      () => new Date(START),
    );
    await expect(credentials()).rejects.toThrow('already expired');
  });
});
