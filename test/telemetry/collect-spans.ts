import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** A span with what is under it, by name. */
export type SpanTree = { name: string; kind: string; attributes: object; failed?: true; children?: SpanTree[] };

/** Loads OpenTelemetry's SDK into this process, as an app does, and keeps the spans that end. */
export function collectSpans() {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return {
    spans: () => exporter.getFinishedSpans(),
    clear: () => exporter.reset(),
    /** The spans as trees, in order of their start; a parent elsewhere is none. */
    trees: () => toTrees(exporter.getFinishedSpans()),
    unload: () => {
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

function toTrees(spans: readonly ReadableSpan[]): SpanTree[] {
  const known = new Set(spans.map((span) => span.spanContext().spanId));
  const under = (parent: string | undefined): SpanTree[] =>
    spans
      .filter(({ parentSpanContext }) => {
        const id = parentSpanContext?.spanId;
        return (id !== undefined && known.has(id) ? id : undefined) === parent;
      })
      .sort((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1])
      .map((span) => {
        const children = under(span.spanContext().spanId);
        return {
          name: span.name,
          kind: SpanKind[span.kind],
          attributes: span.attributes,
          ...(span.status.code === SpanStatusCode.ERROR && { failed: true as const }),
          ...(children.length > 0 && { children }),
        };
      });
  return under(undefined);
}
