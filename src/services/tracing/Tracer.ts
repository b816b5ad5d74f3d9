export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanStart {
  /** `server`: a request to this server; `client`: a request of this server. */
  readonly kind?: 'server' | 'client' | 'internal';
  /** A `traceparent`. An invalid one is ignored. */
  readonly parent?: string | undefined;
  readonly attributes?: Attributes;
  /** Epoch ms. Default: now. */
  readonly time?: number;
}

interface SpanEnd {
  /** Error of the failed operation. */
  readonly error?: unknown;
  /** Epoch ms. Default: now. */
  readonly time?: number;
}

/** A running span. */
export interface Span {
  /** Value of the header `traceparent` for child spans; `undefined` if tracing is off. */
  readonly traceparent: string | undefined;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** Ends the span; further calls do nothing. */
  end(how?: SpanEnd): void;
}

/** Starts spans and exports them after their end. */
export interface Tracer {
  begin(name: string, start: SpanStart): Span;
  /** Exports the remaining spans. Never rejects. @param maxMs time limit */
  stop(maxMs: number): Promise<void>;
}
