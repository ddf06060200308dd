import { type Attributes, context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Metrics } from './create-metrics.ts';
import type { MetricOf } from './metric-table.ts';
import { TRACER } from './trace-request.ts';

/** Why a call failed: `kind` is one of a few words, `code` the callee's own. */
export type Failure = { kind: string; code?: string | undefined };

/** What is called: the bucket or the database. */
export type Callee = {
  durations: MetricOf<'histogram'> & `signpost_${'bucket' | 'database'}_${string}`;
  errors: MetricOf<'counter'> & `signpost_${'bucket' | 'database'}_${string}`;
  /** Name and attributes of the span of an operation, after OpenTelemetry's semantic conventions. */
  describe: (operation: string) => { name: string; attributes: Attributes };
  /** null for an error that is an answer: a missing object, a row that exists. */
  failureOf: (error: unknown) => Failure | null;
};

/** Measures calls of one callee. */
export type CallWatch = {
  /** Runs a call, and counts it. Inside a span, of a request or of the app, the call gets a span of its own. */
  run<T>(operation: string, call: () => Promise<T>): Promise<T>;
  /** Counts a failure outside of any call. */
  failed(operation: string, error: unknown): void;
};

/** Measures nothing. */
export const NO_WATCH: CallWatch = { run: (_, call) => call(), failed: () => {} };

/** Measures the calls of a callee. Their spans contain no values: neither keys nor parameters. */
export function watchCalls(metrics: Metrics, callee: Callee): CallWatch {
  const { durations, errors, describe, failureOf } = callee;

  function startSpan(operation: string) {
    const { name, attributes } = describe(operation);
    return TRACER.startSpan(name, { kind: SpanKind.CLIENT, attributes });
  }

  function failed(operation: string, error: unknown): Failure | null {
    const failure = failureOf(error);
    if (failure !== null) metrics.count(errors, { operation, kind: failure.kind });
    return failure;
  }

  async function run<T>(operation: string, call: () => Promise<T>): Promise<T> {
    // A job that makes thousands of calls would make as many traces.
    const span = trace.getActiveSpan() === undefined ? null : startSpan(operation);
    const startedAt = performance.now();
    try {
      return await (span === null ? call() : context.with(trace.setSpan(context.active(), span), call));
    } catch (error) {
      const failure = failed(operation, error);
      if (failure !== null) {
        span?.setAttribute('error.type', failure.code ?? failure.kind);
        span?.setStatus({ code: SpanStatusCode.ERROR, message: failure.kind });
      }
      throw error;
    } finally {
      metrics.observe(durations, { operation }, (performance.now() - startedAt) / 1000);
      span?.end();
    }
  }

  return { run, failed: (operation, error) => void failed(operation, error) };
}
