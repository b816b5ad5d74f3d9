import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span, SpanStart, Tracer } from './Tracer.js';

export interface TracingOptions {
  /** OTLP/HTTP endpoint for spans, without `/v1/traces`; `undefined` disables tracing. */
  readonly endpoint: string | undefined;
  readonly serviceName: string;
}

/** The span when tracing is off. */
const NO_SPAN: Span = { traceparent: undefined, rename: () => {}, set: () => {}, end: () => {} };

/**
 * Traces jobs. Contexts are texts, `traceparent` of W3C Trace Context, so that the records of jobs and webhooks can
 * carry them to another server. `start` loads OpenTelemetry, only if there is an endpoint.
 */
export class Tracing {
  readonly #options: TracingOptions;
  readonly #active: AsyncLocalStorage<Span> | undefined;
  #tracer: Tracer | undefined;

  constructor(options: TracingOptions) {
    this.#options = options;
    if (this.isEnabled) this.#active = new AsyncLocalStorage();
  }

  get isEnabled(): boolean {
    return this.#options.endpoint !== undefined;
  }

  async start(): Promise<void> {
    const { endpoint, serviceName } = this.#options;
    if (endpoint === undefined) return;
    const { createTracer } = await import('./createTracer.js');
    this.#tracer = createTracer(endpoint, serviceName);
  }

  /** Exports the remaining spans. Never rejects. @param maxMs time limit */
  async stop(maxMs: number): Promise<void> {
    await this.#tracer?.stop(maxMs);
  }

  /** Starts a span. Without a parent it is a child of `current`, or the root of a new trace. */
  span(name: string, start: SpanStart = {}): Span {
    const parent = start.parent ?? this.current;
    return this.#tracer?.begin(name, { ...start, parent }) ?? NO_SPAN;
  }

  /** Runs `work` in a span, and ends the span after it. */
  async trace<T>(name: string, start: SpanStart, work: (span: Span) => Promise<T>): Promise<T> {
    if (!this.#tracer) return work(NO_SPAN);
    const span = this.span(name, start);
    try {
      const result = await this.within(span, () => work(span));
      span.end();
      return result;
    } catch (error) {
      span.end({ error });
      throw error;
    }
  }

  /** Runs `work`, with everything that it starts, with a span as `current`. Does not end the span. */
  within<T>(span: Span, work: () => T): T {
    return this.#active ? this.#active.run(span, work) : work();
  }

  /** The `traceparent` of the caller's span. */
  get current(): string | undefined {
    return this.#active?.getStore()?.traceparent;
  }
}

/** Tracing that is off. */
export const NO_TRACING = new Tracing({ endpoint: undefined, serviceName: '' });
