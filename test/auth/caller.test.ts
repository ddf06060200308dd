import { describe, expect, it } from 'vitest';
import { actFor, type Identity, requireScope } from '../../src/auth/caller.ts';
import { toUserId } from '../../src/contract/object-key.ts';
import type { Scope } from '../../src/contract/scopes.ts';
import { problemOf } from './tokens.ts';

function callerWith(...scopes: Scope[]): Identity {
  const userId = toUserId('root');
  if (userId === null) throw new Error('a user id');
  return { userId, actorId: userId, isOnBehalf: false, scopes: new Set(scopes) };
}

describe('requireScope', () => {
  it('accepts a caller with the scope', () => {
    expect(() => requireScope(callerWith('files:write'), 'files:write')).not.toThrow();
  });

  it('throws forbidden and names the missing scope in the challenge', async () => {
    const problem = await problemOf(() => requireScope(callerWith('files:read'), 'files:write'));
    expect(problem.code).toBe('forbidden');
    expect(problem.headers).toEqual({
      'www-authenticate': 'Bearer error="insufficient_scope", scope="files:write"',
    });
  });
});

describe('actFor', () => {
  const admin = callerWith('files:read', 'files:write', 'files:admin');

  it('returns the caller unchanged without the header', () => {
    const caller = callerWith('files:read');
    expect(actFor(caller, undefined, 'files:read')).toBe(caller);
  });

  it('acts for the other user and keeps the actor', () => {
    expect(actFor(admin, 'alice', 'files:read')).toEqual({
      ...admin,
      userId: 'alice',
      actorId: 'root',
      isOnBehalf: true,
    });
  });

  it('reads the header bytes as UTF-8', () => {
    expect(actFor(admin, Buffer.from('Zoë').toString('latin1'), 'files:read').userId).toBe('Zoë');
  });

  it('throws forbidden without files:admin', async () => {
    const problem = await problemOf(() =>
      actFor(callerWith('files:read', 'files:write', 'files:judge'), 'alice', 'files:read'),
    );
    expect(problem.code).toBe('forbidden');
    expect(problem.headers['www-authenticate']).toContain('scope="files:admin"');
  });

  it.each([
    ['an empty id', ''],
    ['one that is too long', 'a'.repeat(256)],
    ['a control character', 'a\u0007b'],
    ['bytes that are not UTF-8', 'Zo\u00eb'],
  ])('throws invalid-request for %s', async (_name, header) => {
    expect((await problemOf(() => actFor(admin, header, 'files:read'))).code).toBe('invalid-request');
  });
});
