import { describe, expect, it } from 'vitest';
import { expectProblem, mint, startTestService } from '../helpers/test-service.ts';
import { withToken } from './access-service.ts';

describe('rate limit', () => {
  it('answers 429 beyond the limit, only to that user, until the minute is over', async () => {
    let now = new Date('2026-11-20T12:00:10Z');
    const limited = await startTestService({ env: { RATE_LIMIT_PER_MINUTE: '3' }, now: () => now });
    const exp = now.getTime() / 1000 + 600;
    const files = async (user: string) => limited.call('x', '/files', undefined, withToken(await mint(user, { exp })));
    try {
      const first = await files('alice');
      expect(first.headers.get('ratelimit-policy')).toBe('"user";q=3;w=60');
      expect(first.headers.get('ratelimit')).toBe('"user";r=2;t=50');
      await files('alice');
      await files('alice');
      const fourth = await files('alice');
      expectProblem(fourth, 429, 'rate-limited');
      expect(fourth.headers.get('retry-after')).toBe('50');
      expect(fourth.headers.get('ratelimit')).toBe('"user";r=0;t=50');
      expect((await files('bob')).status).toBe(200);
      now = new Date('2026-11-20T12:01:00Z');
      expect((await files('alice')).status).toBe(200);
    } finally {
      await limited.close();
    }
  });

  it('counts a batch by its entries, and accepts a first one larger than the limit', async () => {
    const limited = await startTestService({
      env: { RATE_LIMIT_PER_MINUTE: '10' },
      now: () => new Date('2026-11-20T12:00:10Z'),
    });
    const exp = Date.parse('2026-11-20T12:10:00Z') / 1000;
    const batch = async (user: string, count: number, path = '/presign-upload/batch') => {
      const files = Array.from({ length: count }, () => ({ fileName: 'a.txt', contentType: 'text/plain', size: 5 }));
      const fileIds = files.map(() => '01a21a4c-b40f-7354-86c6-c1ffafe17477');
      const body = path === '/presign-upload/batch' ? { files } : { fileIds };
      return limited.call('x', path, body, withToken(await mint(user, { exp })));
    };
    try {
      expect((await batch('alice', 6)).headers.get('ratelimit')).toBe('"user";r=4;t=50');
      expectProblem(await batch('alice', 5), 429, 'rate-limited');
      expect((await batch('alice', 3, '/presign-download/batch')).headers.get('ratelimit')).toBe('"user";r=0;t=50');
      expectProblem(await batch('alice', 1), 429, 'rate-limited');
      expect((await batch('bob', 20)).status).toBe(200);
      expectProblem(await batch('bob', 1), 429, 'rate-limited');
      expect((await batch('carol', 1)).status).toBe(200);
      expectProblem(await batch('carol', 20), 429, 'rate-limited');
    } finally {
      await limited.close();
    }
  });
});
