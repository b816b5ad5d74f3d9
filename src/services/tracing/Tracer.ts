export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanStart {
  /** `server`: a request to this server; `client`: a request of this server. */
  readonly kind?: 'server' | 'client' | 'internal';
  /** A `traceparent`. One that is not valid counts as none. */
  readonly parent?: string | undefined;
  readonly attributes?: Attributes;
  /** Epoch ms; now when it is left out. */
  readonly time?: number;
}

interface SpanEnd {
  /** What it failed with. */
  readonly error?: unknown;
  /** Epoch ms; now when it is left out. */
  readonly time?: number;
}

/** A part of a trace that is under way. */
export interface Span {
  /** For whoever goes on with it, as the header of this name; undefined where nothing is traced. */
  readonly traceparent: string | undefined;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** Only the first end counts. */
  end(how?: SpanEnd): void;
}

/** Begins spans, and sends them somewhere once they ended. */
export interface Tracer {
  begin(name: string, start: SpanStart): Span;
  /** Never rejects. @param maxMs how long sending the rest may take */
  stop(maxMs: number): Promise<void>;
}
