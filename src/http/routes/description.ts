import { Hono } from 'hono';
import type { Config } from '../../config/config.ts';
import { answer } from '../answer.ts';
import type { Env } from '../env.ts';
import { describeApi } from '../openapi/describe-api.ts';

/** The description of the API, open to everybody. Made when it is first asked for. */
export function descriptionRoutes(services: {
  config: Pick<Config, 'auth'>;
  basePath?: string | undefined;
}): Hono<Env> {
  const routes = new Hono<Env>();
  let text: string | undefined;
  routes.get('/openapi.json', (c) => {
    text ??= JSON.stringify(describeApi({ cookie: services.config.auth.cookie, basePath: services.basePath }));
    return answer(c, 200, text, { 'content-type': 'application/json' });
  });
  return routes;
}
