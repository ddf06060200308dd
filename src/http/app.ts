import { Hono } from 'hono';
import type { Authorize } from '../auth/authorize.ts';
import type { TokenVerifier } from '../auth/verify-token.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../contract/logger.ts';
import type { AuditLog } from '../db/create-audit-log.ts';
import type { RateQueries } from '../db/create-rate-queries.ts';
import type { Metrics } from '../telemetry/create-metrics.ts';
import type { IssueCredentialsServices } from '../uploads/issue-credentials.ts';
import { allowOrigins } from './allow-origins.ts';
import { authenticate } from './authenticate.ts';
import { boundAnswers } from './bound-answers.ts';
import { boundBodies } from './bound-bodies.ts';
import type { Env } from './env.ts';
import { noRoute } from './no-route.ts';
import { observe } from './observe.ts';
import { splitPathToken } from './path-token.ts';
import { answerProblem } from './problem.ts';
import { rateLimit } from './rate-limit.ts';
import { recordActs } from './record-acts.ts';
import { auditRoutes } from './routes/audit.ts';
import { browserModuleRoutes } from './routes/browser-modules.ts';
import { companionRoutes } from './routes/companion.ts';
import { descriptionRoutes } from './routes/description.ts';
import { type EventServices, eventRoutes } from './routes/events.ts';
import { type FileServices, fileRoutes } from './routes/files.ts';
import { type HealthServices, healthRoutes } from './routes/health.ts';
import { type HeldFileServices, heldFileRoutes } from './routes/held-files.ts';
import { type Page, pageRoutes } from './routes/page.ts';
import { type ReceiptKeyServices, receiptKeyRoutes } from './routes/receipt-keys.ts';
import { credentialRoutes } from './routes/temporary-credentials.ts';
import { type UploadServices, uploadRoutes } from './routes/uploads.ts';

export type AppServices = UploadServices &
  IssueCredentialsServices &
  EventServices &
  FileServices &
  HeldFileServices &
  HealthServices &
  ReceiptKeyServices & {
    auditLog: AuditLog;
    config: Pick<Config, 'server' | 'auth'>;
    logger: Logger;
    metrics: Metrics;
    /** undefined: `authorize` decides. */
    verifyToken: TokenVerifier | undefined;
    authorize?: Authorize | undefined;
    /** Where the service is mounted: left out of every path that begins with it. Default: at the root. */
    basePath?: string | undefined;
    /** The page at `/`; null in production. */
    page: Page | null;
    /** null: each instance counts requests for itself. */
    rates: RateQueries | null;
    newRequestId: () => string;
    now: () => Date;
  };

/**
 * The whole HTTP interface: logging, CORS, the open routes, then authentication and rate limit, then all other routes,
 * so that a route added below cannot be open by accident.
 */
export function createApp(services: AppServices): Hono<Env> {
  const { server, auth } = services.config;
  const app = new Hono<Env>({ getPath: (request) => splitPathToken(request, services.basePath).path });
  app.onError((error, c) => answerProblem(c, error, services.logger));
  app.notFound((c) => answerProblem(c, noRoute(app, c.req.path), services.logger));

  app.use(observe(services));
  app.use(boundBodies());
  // Before CORS: the page contains a token, so no other origin may read it.
  if (services.page !== null) app.route('/', pageRoutes(services, services.page));
  // Before CORS, too: every origin may import them.
  app.route('/', browserModuleRoutes());
  // The app may decide by its own cookie.
  const withCookies = auth.cookie !== null || services.authorize !== undefined;
  if (server.allowedOrigins.length > 0) app.use(allowOrigins(server.allowedOrigins, withCookies));
  app.route('/', healthRoutes(services));
  app.route('/', descriptionRoutes(services));
  app.route('/', receiptKeyRoutes(services));
  app.route('/', eventRoutes(services));
  app.use(authenticate(services));
  const limits = { perUser: server.rateLimitPerMinute, perAddress: server.rateLimitPerAddress };
  if (limits.perUser + limits.perAddress > 0) app.use(rateLimit(limits, services));
  app.use(boundAnswers());
  app.use(recordActs(services));
  app.route('/', uploadRoutes(services));
  app.route('/', credentialRoutes(services));
  app.route('/', companionRoutes(services));
  app.route('/', fileRoutes(services));
  app.route('/', heldFileRoutes(services));
  app.route('/', auditRoutes(services));
  return app;
}
