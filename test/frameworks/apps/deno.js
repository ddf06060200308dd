import { signpost } from './signpost.js';

Deno.serve({ port: Number(process.env.PORT) }, (request, { remoteAddr }) =>
  signpost.fetch(request, { incoming: { socket: { remoteAddress: remoteAddr.hostname } } }),
);
