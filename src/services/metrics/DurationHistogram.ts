import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';
import { z } from 'zod';

/** A histogram as the metrics file keeps it. */
export const histogramState = z.object({
  buckets: z.string(),
  sum: z.number().nonnegative(),
  min: z.number().nullable(),
  max: z.number().nullable(),
});

type HistogramState = z.output<typeof histogramState>;

const MICROSECONDS = 1000;
/** Percentiles are right to so many significant digits. */
const PRECISION = 3;

/**
 * Durations, given and returned in ms: percentiles by an HDR histogram, whose memory does not grow with their
 * number; sum, smallest and largest exactly. Everything is null while there is no data.
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

  /** Takes in the durations of another one. */
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

  /** The value that `percent` of the durations do not exceed. */
  percentile(percent: number): number | null {
    if (this.count === 0 || this.#max === null) return null;
    return Math.min(this.#max, this.#histogram.getValueAtPercentile(percent) / MICROSECONDS);
  }

  toState(): HistogramState {
    const buckets = encodeIntoCompressedBase64(this.#histogram);
    return { buckets, sum: this.#sum, min: this.#min, max: this.#max };
  }

  /** @throws Error when the buckets are not what `toState` made */
  static fromState(state: HistogramState): DurationHistogram {
    const restored = new DurationHistogram();
    const histogram = decodeFromCompressedBase64(state.buckets, 64, false);
    // To add it to an empty one, which grows, takes as long again.
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
