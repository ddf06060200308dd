import { Hono } from 'hono';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import type { Signpost } from '../index.ts';

/** The fields that are read of an event in payload format 2.0. Function URLs send it, too. */
type HttpEvent = {
  rawPath: string;
  rawQueryString: string;
  headers: Record<string, string | undefined>;
  cookies?: string[] | undefined;
  body?: string | null | undefined;
  isBase64Encoded: boolean;
  requestContext: { domainName: string; http: { method: string; sourceIp: string } };
};

/** The answer in payload format 2.0. */
type HttpAnswer = {
  statusCode: number;
  headers: Record<string, string>;
  cookies?: string[];
  body: string;
  isBase64Encoded: boolean;
};

/**
 * A handler for AWS Lambda behind a function URL or an HTTP API of API Gateway (events of version 2.0). The client's
 * address is the one that AWS names as the source. All bodies are answered in base64: as text, a file that is not
 * UTF-8 would be changed.
 * @example
 * export const handler = toLambdaHandler(signpost);
 * export const jobs = () => signpost.runJobs(); // for a schedule of EventBridge
 */
export function toLambdaHandler(
  signpost: Pick<Signpost, 'fetch' | 'settled'>,
): (event: HttpEvent) => Promise<HttpAnswer>;
// The second signature has Hono's type of the event, with fields that Hono does not read.
export function toLambdaHandler(signpost: Pick<Signpost, 'fetch' | 'settled'>) {
  const app = new Hono<{ Bindings: { event: HttpEvent } }>();
  app.all('*', async (c) => {
    const { sourceIp } = c.env.event.requestContext.http;
    const answer = await signpost.fetch(c.req.raw, { incoming: { socket: { remoteAddress: sourceIp } } });
    // Lambda freezes the process after the answer.
    await signpost.settled();
    return answer;
  });
  const answer = handle(app, { isContentTypeBinary: () => true });
  return (event: Extract<LambdaEvent, { rawPath: string }>) => answer(event);
}
