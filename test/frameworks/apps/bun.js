import { signpost } from './signpost.js';

Bun.serve({
  port: process.env.PORT,
  fetch: (request, server) =>
    signpost.fetch(request, { incoming: { socket: { remoteAddress: server.requestIP(request)?.address } } }),
});
