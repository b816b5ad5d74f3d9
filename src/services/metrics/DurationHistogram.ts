import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';
import { z } from 'zod';

/** Format of a histogram in the metrics file. */
export const histogramState = z.object({
  buckets: z.string(),
  sum: z.number().nonnegative(),
  min: z.number().nullable(),
  max: z.number().nullable(),
});

type HistogramState = z.output<typeof histogramState>;

const MICROSECONDS = 1000;
/** Significant decimal digits of the percentiles. */
const PRECISION = 3;

/**
 * Durations in ms. Percentiles come from an HDR histogram, whose memory does not grow with the number of durations.
 * Sum, minimum and maximum are exact. Everything is null while there is no data.
 */
export class DurationHistogram {
  #histogram: Histogram = emptyHistogram();
  #sum = 0;
  #min: number | null = null;
  #max: number | null = null;

  record(ms: number): void {
    const duration = Math.max(0, ms);
    this.#histogram.recordValue(Math.max(1, Math.round(duration * MICROSECONDS)));
    this.#sum += duration;
    this.#min = Math.min(this.#min ?? duration, duration);
    this.#max = Math.max(this.#max ?? duration, duration);
  }

  /** Adds the durations of another histogram. */
  add(other: DurationHistogram): void {
    this.#histogram.add(other.#histogram);
    this.#sum += other.#sum;
    this.#min = smallest(this.#min, other.#min);
    this.#max = largest(this.#max, other.#max);
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  get average(): number | null {
    return this.count === 0 ? null : this.#sum / this.count;
  }

  get min(): number | null {
    return this.#min;
  }

  get max(): number | null {
    return this.#max;
  }

  /** Returns the smallest duration that at least `percent` of the durations do not exceed. */
  percentile(percent: number): number | null {
    if (this.count === 0 || this.#max === null) return null;
    return Math.min(this.#max, this.#histogram.getValueAtPercentile(percent) / MICROSECONDS);
  }

  toState(): HistogramState {
    const buckets = encodeIntoCompressedBase64(this.#histogram);
    return { buckets, sum: this.#sum, min: this.#min, max: this.#max };
  }

  /** @throws Error when the buckets were not written by `toState` */
  static fromState(state: HistogramState): DurationHistogram {
    const restored = new DurationHistogram();
    const histogram = decodeFromCompressedBase64(state.buckets, 64, false);
    // Adding it to an empty, resizable histogram instead would double the time.
    histogram.autoResize = true;
    restored.#histogram = histogram;
    restored.#sum = state.sum;
    restored.#min = state.min;
    restored.#max = state.max;
    return restored;
  }
}

function smallest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

function largest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

function emptyHistogram(): Histogram {
  return build({
    bitBucketSize: 64,
    autoResize: true,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2,
    numberOfSignificantValueDigits: PRECISION,
    useWebAssembly: false,
  });
}
