import { describe, expect, it } from 'vitest';
import type { Identity } from '../../src/auth/caller.ts';
import { createTokenMemory } from '../../src/auth/token-memory.ts';
import { toUserId } from '../../src/contract/object-key.ts';
import { START, START_SECONDS } from './tokens.ts';

const userId = toUserId('alice');
if (userId === null) throw new Error('a user id');
const caller: Identity = { userId, actorId: userId, isOnBehalf: false, scopes: new Set() };

describe('the memory of verified tokens', () => {
  it('keeps the last 10,000 and drops the oldest first', () => {
    const memory = createTokenMemory();
    for (let n = 0; n < 10_000; n += 1) memory.remember(`token-${n}`, caller, undefined, START);
    expect(memory.recall('token-0', START)).toBe(caller);
    memory.remember('token-0', caller, undefined, START);
    memory.remember('one more', caller, undefined, START);
    expect(memory.recall('token-0', START)).toBe(caller);
    expect(memory.recall('token-1', START)).toBeUndefined();
    expect(memory.recall('token-2', START)).toBe(caller);
    expect(memory.recall('one more', START)).toBe(caller);
  });

  it('forgets a token when it expires', () => {
    const memory = createTokenMemory();
    memory.remember('token', caller, START_SECONDS + 10, START);
    expect(memory.recall('token', new Date(START.getTime() + 9999))).toBe(caller);
    expect(memory.recall('token', new Date(START.getTime() + 10_000))).toBeUndefined();
  });

  it('knows no other token, and no token after forgetAll', () => {
    const memory = createTokenMemory();
    memory.remember('token', caller, undefined, START);
    expect(memory.recall('Token', START)).toBeUndefined();
    memory.forgetAll();
    expect(memory.recall('token', START)).toBeUndefined();
  });
});
