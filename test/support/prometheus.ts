import parsePrometheusTextFormat from 'parse-prometheus-text-format';
import type { Client } from './client.js';

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scrape {
  /** As parsed by a public parser of the text format. */
  readonly families: ReadonlyMap<string, Family>;
  /** By lines, since that parser drops the labels of histograms. */
  readonly samples: readonly Sample[];
}

const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)$/;

/** Requests the server's metrics. */
export async function scrape(client: Client): Promise<Scrape> {
  const response = await client.request('/metrics');
  if (!response.headers.get('content-type')?.startsWith('text/plain; version=0.0.4')) {
    throw new Error(`not Prometheus' text format: ${response.headers.get('content-type')}`);
  }
  const text = await response.text();
  const families = parsePrometheusTextFormat(text) as Family[];
  const samples = text.split('\n').flatMap((line): Sample[] => {
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', of = '']) => [key, of]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
  return { families: new Map(families.map((family) => [family.name, family])), samples };
}

/** Sum of the samples of a metric (name without our prefix) that have these labels. */
export function sumOf(
  { samples }: Scrape,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return samples
    .filter((sample) => sample.name === `comfyui_middleware_${name}`)
    .filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}
