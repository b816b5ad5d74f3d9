import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const PREFIX = 'comfyui_middleware_';

interface Description {
  /** Without the prefix. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** One value, and the labels that it has. */
interface Reading {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

type Read = () => readonly Reading[] | Promise<readonly Reading[]>;

/** Our metrics in Prometheus' text format, and those of Node. All of ours have one prefix. */
export class PrometheusRegistry {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** MIME type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, in the text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** A counter that its owner increments. */
  counter(description: Description): Counter {
    return new Counter(this.#options(description));
  }

  /** @param buckets upper bounds, seconds */
  histogram(description: Description, buckets: number[]): Histogram {
    return new Histogram({ ...this.#options(description), buckets });
  }

  /** A gauge that is read with each scrape. */
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

  /** A counter that is kept elsewhere, and read with each scrape. */
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
