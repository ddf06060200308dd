import { neonConfig } from '@neondatabase/serverless';
import { describe, expect, it } from 'vitest';
import { connectDatabase } from '../../src/db/connect-database.ts';

describe('the driver', () => {
  /** The hosts that Neon's driver connects to. */
  async function neonHostsOf(options: Parameters<typeof connectDatabase>[0]): Promise<string[]> {
    const { wsProxy } = neonConfig;
    const hosts: string[] = [];
    neonConfig.useSecureWebSocket = false;
    neonConfig.wsProxy = (host) => {
      hosts.push(host);
      return '127.0.0.1:1';
    };
    const database = await connectDatabase(options);
    await expect(database.ping()).rejects.toMatchObject({ code: 'database-unavailable' });
    await database.close();
    neonConfig.wsProxy = wsProxy;
    return hosts;
  }

  it("is Neon's for a host under neon.tech", async () => {
    const url = 'postgres://u:p@ep-cool-1.eu-central-1.aws.neon.tech/db?sslmode=require';
    expect(await neonHostsOf({ url })).toEqual(['ep-cool-1.eu-central-1.aws.neon.tech']);
  });

  it('is pg for any other', async () => {
    expect(await neonHostsOf({ url: 'postgres://u:p@127.0.0.1:1/neon.tech' })).toEqual([]);
    expect(await neonHostsOf({ url: 'postgres://u:p@neon.tech.localhost:1/db' })).toEqual([]);
  });

  it('is the configured one', async () => {
    expect(await neonHostsOf({ url: 'postgres://u:p@db.example/db', driver: 'neon' })).toEqual(['db.example']);
    expect(await neonHostsOf({ url: 'postgres://u:p@x.neon.tech.invalid:1/db', driver: 'pg' })).toEqual([]);
  });
});
