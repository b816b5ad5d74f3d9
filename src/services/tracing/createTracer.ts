/** The only module that imports OpenTelemetry: importing it loads all of it. */
import {
  type Context,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { messageOf } from '../../errors.js';
import { version } from '../../version.js';
import type { Attributes, Span, SpanStart, Tracer } from './Tracer.js';

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

/**
 * Exports spans in batches by OTLP over HTTP, as JSON. The SDK itself reads other OpenTelemetry variables, such as
 * `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_TRACES_SAMPLER`.
 * @param endpoint without `/v1/traces`
 */
export function createTracer(endpoint: string, serviceName: string): Tracer {
  const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer('comfyui-express-middleware', version);
  return {
    begin: (name, start) => beginSpan(tracer, name, start),
    stop: async (maxMs) => {
      const enough = new Promise((resolve) => setTimeout(resolve, maxMs).unref());
      // If the collector is unreachable, only spans are lost.
      await Promise.race([provider.shutdown().catch(() => undefined), enough]);
    },
  };
}

function beginSpan(tracer: OtelTracer, name: string, start: SpanStart): Span {
  const { kind = 'internal', parent, attributes = {}, time } = start;
  const span = tracer.startSpan(
    name,
    { kind: KINDS[kind], attributes: given(attributes), ...(time === undefined ? {} : { startTime: time }) },
    contextOf(parent),
  );
  return {
    traceparent: traceparentOf(span),
    rename: (newName) => void span.updateName(newName),
    set: (more) => void span.setAttributes(given(more)),
    end: ({ error, time: endTime } = {}) => {
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
      span.end(endTime);
    },
  };
}

function contextOf(traceparent: string | undefined): Context {
  const parent = traceparent === undefined ? null : parseTraceParent(traceparent);
  return parent ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true }) : ROOT_CONTEXT;
}

function traceparentOf(span: OtelSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** Removes attributes without a value. */
function given(attributes: Attributes): Record<string, string | number | boolean> {
  const all: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) all[name] = value;
  return all;
}
