import { AsyncLocalStorage } from 'node:async_hooks';
import type { Span, SpanStart, Tracer } from './Tracer.js';

export interface TracingOptions {
  /** Where spans are sent to by OTLP over HTTP, without `/v1/traces`; undefined: nothing is traced. */
  readonly endpoint: string | undefined;
  readonly serviceName: string;
}

/** What there is where nothing is traced. */
const NO_SPAN: Span = { traceparent: undefined, rename: () => {}, set: () => {}, end: () => {} };

/**
 * Traces of jobs. Contexts are texts, `traceparent` of W3C Trace Context, so that a job's record and a webhook's order carry
 * them to whichever server goes on. OpenTelemetry is loaded by `start`, and only where there is somebody to send spans to.
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

  /** Sends what is not sent yet. Never rejects. @param maxMs how long that may take */
  async stop(maxMs: number): Promise<void> {
    await this.#tracer?.stop(maxMs);
  }

  /** Begins a span. Where it has no parent it is a part of whatever `current` is, and else a trace of its own. */
  span(name: string, start: SpanStart = {}): Span {
    const parent = start.parent ?? this.current;
    return this.#tracer?.begin(name, { ...start, parent }) ?? NO_SPAN;
  }

  /** Runs `work` as a part of a span, which ends by itself. */
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

  /** Runs `work`, and whatever it sets off, with a span as `current`. The span does not end with it. */
  within<T>(span: Span, work: () => T): T {
    return this.#active ? this.#active.run(span, work) : work();
  }

  /** The `traceparent` of the span that whoever calls is a part of. */
  get current(): string | undefined {
    return this.#active?.getStore()?.traceparent;
  }
}

/** Traces nothing. */
export const NO_TRACING = new Tracing({ endpoint: undefined, serviceName: '' });
