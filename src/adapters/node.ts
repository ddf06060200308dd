import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener, RequestError } from '@hono/node-server';
import { NO_HOST } from '../http/start-server.ts';
import type { Signpost } from '../index.ts';
import { consoleLogger } from '../start/console-logger.ts';

const BODY_IS_READ =
  'The body was read before Signpost got the request. Mount Signpost in front of what parses bodies, like ' +
  'express.json(); in Fastify, remove the content type parsers of its scope.\n';

/**
 * A listener for `node:http`, Express and Fastify. It reads the request's body itself, so no body parser may come
 * first: that is answered with 500, and a text that says so.
 * @example
 * createServer(toNodeHandler(signpost)).listen(3000);
 * app.use('/uploads', toNodeHandler(signpost)); // Express
 */
export function toNodeHandler(
  signpost: Pick<Signpost, 'fetch'>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return getRequestListener(
    (request, env) => {
      if (env.incoming.readableDidRead) return new Response(BODY_IS_READ, { status: 500 });
      // No Request has this method (Fetch Standard, "forbidden method").
      if (env.incoming.method === 'TRACE') return new Response(null, { status: 405 });
      return signpost.fetch(request, env);
    },
    {
      // By default, the library replaces the whole process's Request and Response.
      overrideGlobalObjects: false,
      hostname: NO_HOST,
      // By default, the library answers 500 and logs nothing, for example when Signpost cannot be opened.
      errorHandler: (err) => {
        // Its host or path makes no URL.
        if (err instanceof RequestError) return new Response(null, { status: 400 });
        consoleLogger.error({ err }, 'Signpost could not answer');
        return new Response(null, { status: 500 });
      },
    },
  );
}
