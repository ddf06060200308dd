import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, listen } from '../helpers/listen.ts';
import { OF_OTHERS, type Running, run } from './process.ts';

let dir: string;
let service: Running | undefined;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signpost live ü-'));
  PORTS.PORT = await freePort();
  PORTS.LOCAL_S3_PORT = await freePort();
  url = `http://127.0.0.1:${PORTS.PORT}`;
});
afterAll(async () => {
  await service?.stop('SIGTERM');
  await rm(dir, { recursive: true, force: true });
});

const PORTS = { PORT: '', LOCAL_S3_PORT: '' };
let url = '';
let token = '';

/** `npm start` with embedded defaults, except the ports and the folder. */
async function start(command: readonly string[] = ['npm', 'start']): Promise<void> {
  const [program = '', ...args] = command;
  service = run(program, args, { ...OF_OTHERS, ...PORTS, DATA_DIR: join(dir, 'data') });
  const match = await service.until(/TOKEN=(\S+)\n[\s\S]*\/files -H "Authorization: Bearer \$TOKEN"\n/);
  token = match[1] ?? '';
}

const bash = async (script: string, env: Record<string, string> = {}) => {
  const shell = run('bash', ['-euo', 'pipefail', '-c', script], { SIGNPOST: url, TOKEN: token, ...env }, dir);
  return { ...(await shell.ended), output: shell.output() };
};

const filesOf = async () => {
  const response = await fetch(`${url}/files`, { headers: { authorization: `Bearer ${token}` } });
  return ((await response.json()) as { files: { fileId: string; size: number }[] }).files;
};

describe('npm start without configuration', () => {
  it('prints curl commands that work when pasted', async () => {
    await start();
    expect(service?.output()).not.toContain('Warning');
    const lines =
      service
        ?.output()
        .split('\n')
        .filter((line) => /^(export|curl|jq) /.test(line)) ?? [];
    expect(lines.length).toBeGreaterThanOrEqual(7);
    const pasted = await bash(lines.join('\n'));
    expect(pasted.code).toBe(0);
    expect(pasted.output).toContain('"status":"active"');
    expect(pasted.output).toContain('hello{"files":[{');
    const [, program = ''] = /\((node .+) token <user>/.exec(service?.output() ?? '') ?? [];
    expect(await bash(`cd '${process.cwd()}' && ${program} --version`)).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^\d+\.\d+\./),
    });
  });

  it('prints a command that lists the bucket, with its key', async () => {
    const [line = ''] = /^AWS_SESSION_TOKEN=.* aws .*$/m.exec(service?.output() ?? '') ?? [];
    const shown = await bash(
      `export AWS_SESSION_TOKEN=foreign; aws() { echo "$AWS_SESSION_TOKEN:$AWS_SECRET_ACCESS_KEY" "$@"; }\n${line}`,
    );
    const [, secretAccessKey = '', endpoint = ''] =
      /^:(\S+) --endpoint-url (\S+) s3 ls --recursive s3:\/\/signpost$/m.exec(shown.output) ?? [];
    const credentials = { accessKeyId: 'signpost', secretAccessKey };
    const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true });
    const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: 'signpost', Prefix: 'demo/' }));
    expect(Contents).toHaveLength(1);
    client.destroy();
  });

  it('keeps confirmed files after Ctrl-C, and ends without an error', async () => {
    const before = await filesOf();
    expect(before).toHaveLength(1);
    for (const to of ['npm', 'everybody'] as const) {
      expect(await service?.stop('SIGINT', to)).toEqual({ code: 0, signal: null });
      expect(service?.output()).toContain('stopping');
      await start();
      expect(await filesOf()).toEqual(before);
      expect(service?.output()).not.toContain('taking over');
    }
  });

  it('keeps confirmed files after kill -9, and takes over its database', async () => {
    const before = await filesOf();
    await service?.stop('SIGTERM');
    // Without npm, which does not pass SIGKILL on.
    await start(['node', 'dist/main.js']);
    await service?.stop('SIGKILL');
    await start();
    expect(await filesOf()).toEqual(before);
  });

  it('works in the walk-through with an empty file, a small one and one of 20 MB', async () => {
    for (const [name, size] of [
      ['empty.txt', 0],
      ["it's a ü & 'file'.bin", 1000],
      ['large.bin', 20_000_000],
    ] as const) {
      await writeFile(join(dir, name), Buffer.alloc(size, 'signpost '));
      const walk = await bash('"$ROOT/scripts/walkthrough.sh" "$FILE" application/octet-stream', {
        ROOT: process.cwd(),
        FILE: join(dir, name),
      });
      expect(walk.output).toContain(`done: ${size} bytes went up and came down unchanged`);
      expect(walk.code).toBe(0);
    }
  });

  it('mints tokens for other users with npm run token', async () => {
    const minted = run('npm', ['run', '--silent', 'token', '--', 'bob', '--scope', 'files:read'], {
      ...PORTS,
      DATA_DIR: join(dir, 'data'),
    });
    expect((await minted.ended).code).toBe(0);
    const headers = { authorization: `Bearer ${minted.output().trim()}` };
    expect(await (await fetch(`${url}/files`, { headers })).json()).toEqual({ files: [], nextCursor: null });
    expect((await fetch(`${url}/confirm-upload`, { method: 'POST', headers })).status).toBe(403);
  });

  it('answers 413 to 10 MB with or without a length, and keeps serving', async () => {
    for (const announced of [true, false]) {
      const status = await new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
        const length = announced ? { 'content-length': 10_000_000 } : {};
        const post = request(
          `${url}/presign-upload`,
          { method: 'POST', headers: { ...headers, ...length } },
          (response) => {
            resolve(response.statusCode);
            response.resume();
          },
        );
        post.on('error', reject);
        post.end(Buffer.alloc(10_000_000, ' '));
      });
      expect(status).toBe(413);
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('refuses a second service on the same port, names the setting, and creates nothing before', async () => {
    for (const [setting, ports] of [
      ['PORT', PORTS],
      ['LOCAL_S3_PORT', { ...PORTS, PORT: '0' }],
    ] as const) {
      const second = run('node', ['dist/main.js'], { ...ports, DATA_DIR: join(dir, 'second') });
      expect((await second.ended).code).toBe(1);
      expect(second.output()).toMatch(
        new RegExp(`^${setting}: something else already listens on port \\d+\n.*EADDRINUSE`),
      );
    }
    expect(existsSync(join(dir, 'second'))).toBe(false);
    expect(await filesOf()).not.toHaveLength(0);
  });

  it('refuses a second service on the same data before opening it, and the first one continues', async () => {
    const second = run('node', ['dist/main.js'], { PORT: '0', DATA_DIR: join(dir, 'data') });
    expect((await second.ended).code).toBe(1);
    expect(second.output()).toMatch(/another Signpost \(process \d+\) uses .*; set DATA_DIR/);
    expect(second.output()).not.toContain('taking over');
    expect(await filesOf()).not.toHaveLength(0);
  });

  it('logs JSON lines without tokens, signatures or queries', async () => {
    await fetch(`${url}/files?cursor=query-secret`, { headers: { authorization: `Bearer ${token}` } });
    await fetch(`${url}/files`, { headers: { authorization: 'Bearer wrong-token' } });
    // The answer may arrive before the log line.
    await service?.until(/"status":401/);
    const lines =
      service
        ?.output()
        .split('\n')
        .filter((line) => line.startsWith('{')) ?? [];
    const requests = lines.map((line) => JSON.parse(line)).filter((line) => line.msg === 'request');
    expect(requests.at(-1)).toMatchObject({ level: 'info', method: 'GET', path: '/files', status: 401 });
    expect(lines.join()).not.toMatch(/eyJ|X-Amz|query-secret|wrong-token/);
  });
});

describe('npm start, on a full disk', () => {
  it('serves without its log, and answers 503 on /readyz after a signal', async () => {
    const port = await freePort();
    const settings = { PORT: port, LOCAL_S3_PORT: '0', DATA_DIR: join(dir, 'full'), SHUTDOWN_DELAY_SECONDS: '300' };
    const full = run('bash', ['-c', 'exec node dist/main.js > /dev/full'], settings);
    const statusOf = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null))?.status;
    await expect.poll(() => statusOf('/readyz')).toBe(200);
    expect(await statusOf('/files')).toBe(401);
    full.stop('SIGTERM');
    await expect.poll(() => statusOf('/readyz')).toBe(503);
    expect(await statusOf('/healthz')).toBe(200);
    // Another signal ends it at once.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await full.stop('SIGTERM')).toEqual({ code: 1, signal: null });
    expect(full.output()).not.toContain('ENOSPC');
  });
});

describe('production', () => {
  const SIGNED = {
    NODE_ENV: 'production',
    S3_BUCKET_NAME: 'uploads',
    S3_ENDPOINT: 'http://127.0.0.1:1',
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'secret',
    DATABASE_URL: 'postgres://127.0.0.1:1/none',
    JWT_SECRET: 'x'.repeat(40),
  };

  it('uses nothing embedded: an error names each missing setting', async () => {
    const refused = run('node', ['dist/main.js'], { NODE_ENV: 'production' });
    expect((await refused.ended).code).toBe(1);
    for (const name of ['S3_BUCKET_NAME', 'DATABASE_URL', 'JWT_SECRET']) expect(refused.output()).toContain(name);
    expect(refused.output()).not.toContain(' at ');
  });

  it('names the variables of missing credentials, and suggests corrections of misspelt ones', async () => {
    const settings = { S3_BUCKET_NAME: 'uploads', AWS_REGION: 'eu-central-1', JWT_SECRET: 'x'.repeat(40) };
    const refused = run('node', ['dist/main.js'], {
      NODE_ENV: 'production',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      ...settings,
      AWS_EC2_METADATA_DISABLED: 'true',
      HOME: dir,
      RATE_LIMIT: '5',
      PORT: '0',
    });
    expect((await refused.ended).code).toBe(1);
    expect(refused.output()).toContain('AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: neither is set');
    expect(refused.output()).toContain('RATE_LIMIT is not a setting; did you mean RATE_LIMIT_PER_MINUTE?');
  });

  it('ends where it cannot sign for the bucket, and says why', async () => {
    const express = { S3_BUCKET_NAME: 'photos--euw1-az1--x-s3', S3_ENDPOINT: '' };
    const refused = run('node', ['dist/main.js'], { ...SIGNED, ...express, PORT: '0' });
    expect((await refused.ended).code).toBe(1);
    expect(refused.output()).toMatch(/^Cannot sign URLs for bucket "photos--euw1-az1--x-s3": .*S3 Express/m);
  });

  /** A database that accepts connections, and answers no query. */
  async function startSilent() {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      // AuthenticationOk and ReadyForQuery (PostgreSQL documentation, "Message Formats").
      sockets.push(socket.once('data', () => socket.write('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I')));
    });
    const url = `postgres://nobody@${new URL(await listen(server)).host}/none`;
    const end = () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    };
    return { url, end, isAsked: () => expect.poll(() => sockets.length).toBeGreaterThan(0) };
  }

  it('ends at a signal during the start, which may wait for hours', async () => {
    const silent = await startSilent();
    const starting = run('node', ['dist/main.js'], { ...SIGNED, DATABASE_URL: silent.url, PORT: '0' });
    await silent.isAsked();
    expect(await starting.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(starting.output()).toContain('"msg":"stopping before it has started"');
    expect(starting.output()).not.toContain('"msg":"listening"');
    silent.end();
  });

  it('writes readable lines to a terminal', async () => {
    const inTerminal = '--import=data:text/javascript,process.stdout.isTTY=true';
    const starting = run('node', [inTerminal, 'dist/main.js'], { ...SIGNED, PORT: '0' });
    await starting.until(/INFO.*listening/);
    expect(await starting.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(starting.output()).not.toContain('"msg"');
  });

  it.each(['1', '2'])('answers /healthz from the beginning, and the rest when %s started', async (processes) => {
    const silent = await startSilent();
    const port = await freePort();
    const env = { ...SIGNED, DATABASE_URL: silent.url, PORT: port, WEB_CONCURRENCY: processes };
    const starting = run('node', ['dist/main.js'], env);
    const statusOf = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null))?.status;
    await silent.isAsked();
    expect(await statusOf('/healthz')).toBe(200);
    const ready = statusOf('/readyz');
    expect(await Promise.race([ready, statusOf('/healthz').then(() => 'waits')])).toBe('waits');
    expect(starting.output()).not.toContain('"listening"');
    silent.end();
    expect(await ready).toBe(200);
    await starting.stop('SIGTERM');
  });
});
