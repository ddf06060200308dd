import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { startRelay } from '../helpers/relay.ts';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';

const FILE = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
/** In the log, when the database does not count. */
const ALONE = 'counted by each instance alone';
const env = {
  RATE_LIMIT_STORE: 'postgres',
  RATE_LIMIT_PER_MINUTE: '20',
  RATE_LIMIT_PER_ADDRESS: '30',
  TRUSTED_PROXIES: '1',
};

let service: TestService;
/** Two instances with one database. */
let apps: ReturnType<typeof createApp>[];
beforeAll(async () => {
  service = await startTestService({ env });
});
afterAll(() => service.close());

async function send(instance: number, user: string, path = '/limits', body?: unknown, address = '192.0.2.1') {
  const response = await apps[instance]?.request(path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${await mint(user)}`,
      'x-forwarded-for': address,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (response === undefined) throw new Error('there are two instances');
  const json: Record<string, unknown> = JSON.parse(await response.text());
  return { status: response.status, headers: response.headers, body: json };
}
const batch = (instance: number, user: string, entries: number, address?: string) =>
  send(instance, user, '/presign-upload/batch', { files: Array(entries).fill(FILE) }, address);

/**
 * Runs it with two new instances; again if the minute of the database's clock ended meanwhile, and counts began anew,
 * or if the database was too slow to count.
 */
async function withinAMinute(run: (attempt: number) => Promise<void>): Promise<void> {
  const minute = async () => {
    const [row] = await service.database.query('select floor(extract(epoch from now()) / 60)::text as minute');
    return row?.minute;
  };
  for (let attempt = 0; ; attempt++) {
    const [before, logged] = [await minute(), service.logs.length];
    apps = [createApp(service.services), createApp(service.services)];
    const failure = await run(attempt).then(
      () => null,
      (error: unknown) => ({ error }),
    );
    if (failure === null) return;
    const isSlow = service.logs.slice(logged).some(({ message }) => message.includes(ALONE));
    if (!isSlow && (await minute()) === before) throw failure.error;
  }
}

describe('RATE_LIMIT_STORE=postgres', () => {
  it('counts a user’s requests on all instances together, a batch by its entries', () =>
    withinAMinute(async (attempt) => {
      const [alice, bob] = [`alice${attempt}`, `bob${attempt}`];
      const address = `192.0.2.${10 + attempt}`;
      expect((await batch(0, alice, 12, address)).headers.get('ratelimit')).toMatch(/^"user";r=8;/);
      const over = await batch(1, alice, 9, address);
      expectProblem(over, 429, 'rate-limited');
      expect(Number(over.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await batch(1, bob, 3, address)).headers.get('ratelimit')).toMatch(/^"user";r=17;/);
    }));

  it('counts all users of an address together', () =>
    withinAMinute(async (attempt) => {
      const address = `198.51.100.${attempt}`;
      expect((await batch(0, `carl${attempt}`, 15, address)).status).toBe(200);
      expect((await batch(1, `dan${attempt}`, 15, address)).status).toBe(200);
      const over = await send(0, `eve${attempt}`, '/limits', undefined, address);
      expectProblem(over, 429, 'rate-limited');
      expect(over.body.detail).toContain('from one address');
      expect((await send(0, `eve${attempt}`, '/limits', undefined, '198.51.100.200')).status).toBe(200);
    }));

  it('is exact for simultaneous requests', () =>
    withinAMinute(async (attempt) => {
      const counted = [
        { name: `user fay${attempt}`, allowance: 20 },
        { name: `address ${attempt}`, allowance: 30 },
      ];
      const counts = await Promise.all(
        Array.from({ length: 40 }, (_, n) => service.services.rates?.count(n % 2 ? counted : counted.toReversed(), 1)),
      );
      for (const { name, allowance } of counted) {
        const those = counts.flatMap((count) => count?.get(name) ?? []);
        expect(those.sort((a, b) => a - b)).toEqual(Array.from({ length: allowance }, (_, n) => n + 1));
      }
    }));

  it('forgets past minutes', async () => {
    await service.database.query(`insert into rate_counts values ('user old', 1, 1)`);
    expect(await service.services.rates?.forget()).toBeGreaterThan(0);
    expect(await service.database.query(`select 1 from rate_counts where name = 'user old'`)).toEqual([]);
  });
});

describe('while the database does not answer', () => {
  it('each instance counts for itself, and no request waits for long', async () => {
    const relay = await startRelay(service.database.url);
    const url = new URL(service.database.url);
    url.port = new URL(relay.url).port;
    await relay.goAway();
    const alone = await startTestService({ env: { ...env, DATABASE_URL: url.href } });
    const statuses: number[] = [];
    for (let n = 0; n < 25; n++) statuses.push((await alone.call('gus', '/presign-upload', FILE)).status);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(20);
    const said = alone.logs.filter(({ message }) => message.includes(ALONE));
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(25);
    await alone.close();
  });
});
