// The service that tutorials build: Hono, jose, zod and the AWS SDK's getSignedUrl; confirming is HEAD and an INSERT.
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { jwtVerify } from 'jose';
import pg from 'pg';
import * as z from 'zod';
import { answer, Bucket, s3 } from './answer.mjs';

const client = new S3Client(s3);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
await pool.query(`create table if not exists tutorial_files
  (key text primary key, owner text not null, size bigint not null, content_type text not null, etag text not null)`);
const secret = new TextEncoder().encode(process.env.JWT_SECRET);
const uploadInput = z.object({
  fileName: z.string().min(1).max(255),
  contentType: z.string().min(1).max(255),
  size: z.number().int().min(0).max(5_368_709_120),
});
const fileInput = z.object({ objectKey: z.string().min(1).max(1024) });

const app = new Hono();
app.use(async (c, next) => {
  const token = c.req.header('authorization')?.replace(/^Bearer /, '') ?? '';
  const { payload } = await jwtVerify(token, secret);
  c.set('user', payload.sub);
  await next();
});
app.post('/presign-upload', async (c) => {
  const { fileName, contentType, size } = uploadInput.parse(await c.req.json());
  const Key = `${c.get('user')}/${crypto.randomUUID()}/${fileName}`;
  const command = new PutObjectCommand({ Bucket, Key, ContentType: contentType, ContentLength: size });
  return c.json({ objectKey: Key, presignedUrl: await getSignedUrl(client, command, { expiresIn: 300 }) });
});
app.post('/confirm-upload', async (c) => {
  const { objectKey } = fileInput.parse(await c.req.json());
  if (!objectKey.startsWith(`${c.get('user')}/`)) return c.json({ error: 'not yours' }, 403);
  const head = await client.send(new HeadObjectCommand({ Bucket, Key: objectKey }));
  const row = [objectKey, c.get('user'), head.ContentLength, head.ContentType, head.ETag];
  const { rows } = await pool.query(
    'insert into tutorial_files values ($1, $2, $3, $4, $5) on conflict (key) do update set etag = $5 returning *',
    row,
  );
  return c.json(rows[0], 201);
});
app.post('/presign-download', async (c) => {
  const { objectKey } = fileInput.parse(await c.req.json());
  const { rows } = await pool.query('select * from tutorial_files where key = $1 and owner = $2', [
    objectKey,
    c.get('user'),
  ]);
  if (rows[0] === undefined) return c.json({ error: 'no such file' }, 404);
  const command = new GetObjectCommand({ Bucket, Key: objectKey });
  return c.json({ file: rows[0], presignedUrl: await getSignedUrl(client, command, { expiresIn: 300 }) });
});
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => answer(port));
