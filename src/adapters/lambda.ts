import { Hono } from 'hono';
import { handle, type LambdaContext, type LambdaEvent } from 'hono/aws-lambda';
import type { Signpost } from '../index.ts';

/** Version 2.0, which function URLs send, too. */
type HttpEvent = Extract<LambdaEvent, { rawPath: string }>;

/**
 * A handler for AWS Lambda behind a function URL or an HTTP API of API Gateway (events of version 2.0). The client's
 * address is the one that AWS names as the source. All bodies are answered in base64: as text, a file that is not
 * UTF-8 would be changed.
 * @example
 * export const handler = toLambdaHandler(signpost);
 * export const jobs = () => signpost.runJobs(); // for a schedule of EventBridge
 */
export function toLambdaHandler(signpost: Pick<Signpost, 'fetch'>) {
  const app = new Hono<{ Bindings: { event: HttpEvent } }>();
  app.all('*', (c) => {
    const { sourceIp } = c.env.event.requestContext.http;
    return signpost.fetch(c.req.raw, { incoming: { socket: { remoteAddress: sourceIp } } });
  });
  const answer = handle(app, { isContentTypeBinary: () => true });
  return (event: HttpEvent, context?: LambdaContext) => answer(event, context);
}
