import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { signpost } from './signpost.js';

const app = new Hono();
app.mount('/uploads', signpost.fetch);
serve({ fetch: app.fetch, port: Number(process.env.PORT) });
