import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const PREFIX = 'comfyui_middleware_';

interface Description {
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** A value and its labels. */
interface Reading {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

type Read = () => readonly Reading[] | Promise<readonly Reading[]>;

/** The metrics of this server and of Node.js in the Prometheus text format. Those of this server share a prefix. */
export class PrometheusRegistry {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** MIME type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Returns all metrics in the text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Creates a counter that the caller increments. */
  counter(description: Description): Counter {
    return new Counter(this.#options(description));
  }

  /**
   * Creates a histogram.
   * @param buckets upper bounds, seconds
   */
  histogram(description: Description, buckets: number[]): Histogram {
    return new Histogram({ ...this.#options(description), buckets });
  }

  /** Creates a gauge whose value is read at each scrape. */
  gauge(description: Description, read: Read): void {
    new Gauge({
      ...this.#options(description),
      async collect() {
        const readings = await read();
        this.reset();
        for (const { labels = {}, value } of readings) this.set(labels, value);
      },
    });
  }

  /** Creates a counter whose value is read at each scrape. */
  total(description: Description, read: Read): void {
    new Counter({
      ...this.#options(description),
      async collect() {
        const readings = await read();
        this.reset();
        for (const { labels = {}, value } of readings) this.inc(labels, value);
      },
    });
  }

  #options({ name, help, labels = [] }: Description) {
    return { name: PREFIX + name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}
