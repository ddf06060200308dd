import {
  type Attributes,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from '@opentelemetry/api';
import { reasonOf } from '../net/reason-of.ts';

/** Makes spans if the process has loaded an OpenTelemetry SDK; otherwise its spans do nothing. */
export const TRACER = trace.getTracer('signpost');

/** A request's header by its name. */
type ReadHeader = (name: string) => string | undefined;

type RequestSpan = {
  /** The id of the span's trace; if nothing is traced, that of the request's `traceparent`; else null. */
  traceId: string | null;
  /** The header that names this span; null if nothing is traced. */
  traceparent: string | null;
  /** Runs the request: the spans of its calls become children. */
  run<T>(request: () => Promise<T>): Promise<T>;
  /**
   * Ends the span.
   * @param failure the problem's code, and for a 5xx what was thrown.
   */
  end(status: number, failure: { code: string; error?: unknown } | null): void;
};

/** `traceparent` (W3C Trace Context, section 3.2.2): version, trace id, parent id, flags. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-|$)/;

const HEADERS: TextMapGetter<ReadHeader> = {
  get: (header, name) => header(name),
  keys: () => ['traceparent', 'tracestate', 'baggage'],
};

/**
 * Begins the span of a request, with the names of OpenTelemetry's semantic conventions for HTTP servers. Its parent is
 * the span that is active (an app that mounts the service), else the one that `traceparent` names.
 * @param route the route's template; null if none matches.
 * @param path without a token in it: it becomes an attribute.
 */
export function traceRequest(
  request: { method: string; route: string | null; path: string; scheme: () => string; requestId: string },
  header: ReadHeader,
): RequestSpan {
  const { method, route, path, scheme, requestId } = request;
  const isInner = trace.getActiveSpan() !== undefined;
  const parent = isInner ? context.active() : propagation.extract(context.active(), header, HEADERS);
  const attributes: Attributes = {
    'http.request.method': method,
    'url.path': path,
    'signpost.request_id': requestId,
    ...(route !== null && { 'http.route': route }),
  };
  const name = route === null ? method : `${method} ${route}`;
  const span = TRACER.startSpan(name, { kind: isInner ? SpanKind.INTERNAL : SpanKind.SERVER, attributes }, parent);
  const own = span.spanContext();
  if (!isSpanContextValid(own)) {
    const [, traceId = null] = TRACEPARENT.exec(header('traceparent') ?? '') ?? [];
    return { traceId, traceparent: null, run: (next) => next(), end: () => {} };
  }

  if (span.isRecording()) span.setAttribute('url.scheme', scheme());
  return {
    traceId: own.traceId,
    traceparent: toTraceparent(own),
    run: (next) => context.with(trace.setSpan(parent, span), next),
    end: (status, failure) => {
      span.setAttribute('http.response.status_code', status);
      if (failure !== null) span.setAttribute('signpost.problem', failure.code);
      if (failure !== null && status >= 500) {
        const { code, error } = failure;
        const name = error instanceof Error ? error.name : 'Error';
        span.setAttribute('error.type', code);
        span.setStatus({ code: SpanStatusCode.ERROR });
        // Not the error itself: its stack and the message of a failed query have the parameters.
        span.recordException({ name, message: reasonOf(error) });
      }
      span.end();
    },
  };
}

/** Runs work that outlives the request that begins it, such as a timer. Its calls are not in the request's trace. */
export function untraced<T>(task: () => T): T {
  return context.with(ROOT_CONTEXT, task);
}

/** The header `traceparent` of a span (W3C Trace Context, section 3.2). */
function toTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** The header `traceparent` of the active span, for a request to another server; null if nothing is traced. */
export function activeTraceparent(): string | null {
  const active = trace.getActiveSpan()?.spanContext();
  return active !== undefined && isSpanContextValid(active) ? toTraceparent(active) : null;
}
