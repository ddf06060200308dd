// Uppy Companion in Express, with its S3 routes. It has no tokens and no confirming.
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as companion from '@uppy/companion';
import express from 'express';
import { answer, Bucket, s3 } from './answer.mjs';

const options = {
  s3: {
    ...{ key: s3.credentials.accessKeyId, secret: s3.credentials.secretAccessKey, bucket: Bucket },
    ...{ region: s3.region, endpoint: s3.endpoint, forcePathStyle: true },
    getKey: ({ filename }) => `companion/${crypto.randomUUID()}/${filename}`,
  },
  providerOptions: {},
  server: { host: '127.0.0.1', protocol: 'http' },
  filePath: mkdtempSync(join(tmpdir(), 'companion-')),
  secret: 'a secret of the bench',
  corsOrigins: true,
  uploadUrls: [/^http:/],
};
const app = express();
app.use(express.json());
app.use((request, _, next) => {
  request.session = {};
  next();
});
app.use(companion.app(options).app);
const server = createServer(app).listen(0, '127.0.0.1', () => answer(server.address().port));
