import Fastify from 'fastify';
import { toNodeHandler } from 'signpost/node';
import { signpost } from './signpost.js';

const handle = toNodeHandler(signpost);
const app = Fastify();
app.register(async (scope) => {
  scope.removeAllContentTypeParsers(); // of this scope only: Signpost reads the body itself
  scope.addContentTypeParser('*', (_request, _body, done) => done(null));
  scope.all('/uploads/*', (request, reply) => {
    reply.hijack();
    return handle(request.raw, reply.raw);
  });
});
await app.listen({ port: Number(process.env.PORT) });
