// better-upload's handler in Hono. It has no tokens and no confirming.
import { S3Client } from '@aws-sdk/client-s3';
import { serve } from '@hono/node-server';
import { handleRequest, route } from 'better-upload/server';
import { Hono } from 'hono';
import { answer, Bucket, s3 } from './answer.mjs';

const router = { client: new S3Client(s3), bucketName: Bucket, routes: { files: route({}) } };
const app = new Hono().post('/presign-upload', (c) => handleRequest(c.req.raw, router));
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => answer(port));
