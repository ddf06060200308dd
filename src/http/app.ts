import { Hono } from 'hono';
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Config } from '../config.ts';
import { Problem } from '../errors.ts';
import { allowOrigins } from './allow-origins.ts';
import { actOnBehalf, authenticate } from './authenticate.ts';
import type { Env } from './env.ts';
import { type Logger, observe } from './observe.ts';
import { answerProblem } from './problem.ts';
import { rateLimit } from './rate-limit.ts';
import { type FileServices, fileRoutes } from './routes/files.ts';
import { type HealthServices, healthRoutes } from './routes/health.ts';
import { type UploadServices, uploadRoutes } from './routes/uploads.ts';

export type AppServices = UploadServices &
  FileServices &
  HealthServices & {
    config: Config;
    logger: Logger;
    verifyToken: TokenVerifier;
    newRequestId: () => string;
    now: () => Date;
  };

/**
 * The whole HTTP interface: observe, CORS, the open routes, then authentication and the user's rate limit in front of
 * everything else, so that a route added below cannot be open by accident.
 */
export function createApp(services: AppServices): Hono<Env> {
  const { config } = services;
  const app = new Hono<Env>();
  app.onError((error, c) => answerProblem(c, error, services.logger));
  app.notFound((c) => answerProblem(c, new Problem('route-not-found', 'there is no such route'), services.logger));

  app.use(observe(services));
  if (config.allowedOrigins.length > 0) app.use(allowOrigins(config.allowedOrigins));
  app.route('/', healthRoutes(services));
  app.use(authenticate(services.verifyToken));
  if (config.rateLimitPerMinute > 0) app.use(rateLimit(config.rateLimitPerMinute, services.now));
  app.use(actOnBehalf);
  app.route('/', uploadRoutes(services));
  app.route('/', fileRoutes(services));
  return app;
}
