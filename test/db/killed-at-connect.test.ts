import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { openPool } from '../../src/db/open-pool.ts';
import { listen } from '../helpers/listen.ts';

const message = (type: string, ...parts: (Buffer | string)[]) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};

/** PostgreSQL documentation, section 54.7: AuthenticationOk, ReadyForQuery and a fatal ErrorResponse. */
const WELCOME_AND_END = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('Z', 'I'),
  message('E', 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'),
]);

it('survives a connection that the server ends in the packet that opens it', async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => void uncaught.push(error);
  process.on('uncaughtException', note);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end(WELCOME_AND_END));
  });
  const { host } = new URL(await listen(server));
  const url = `postgres://user@${host}/test?sslmode=disable`;
  const pool = await openPool({ url, driver: 'pg', max: 1, queryTimeoutSeconds: 5, prepare: true });
  await expect(pool.lend(({ client }) => client.query('select 1'))).rejects.toThrow();
  await new Promise((resolve) => setImmediate(resolve));
  expect(uncaught).toEqual([]);
  process.off('uncaughtException', note);
  await pool.end();
  server.close();
});
