import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Instance } from '../instances/Instance.js';
import type { JobProcessor } from '../jobs/JobProcessor.js';
import type { FiguresExchange, ServerGauges } from './FiguresExchange.js';
import { Recorder, type RecorderState } from './Recorder.js';

type Outcome = 'completed' | 'failed' | 'cancelled';

/** Interval between two reports to other servers, ms. */
const TELL_MS = 2000;
/** Maximum age of the metrics of other servers, ms. However many requests there are, they are read at most once a second. */
const FRESH_MS = 1000;

/** Metrics of all servers together, for reading. */
export interface Sum {
  /** Read-only. */
  readonly recorder: Recorder;
  /** Running jobs. */
  readonly activeJobs: number;
  /** Returns the number of running jobs on a machine. */
  loadOf(instance: Instance): number;
}

/** Metrics reported by another server. */
interface Other {
  readonly recorder: Recorder;
  /** `undefined` for a server that is gone. */
  readonly now: ServerGauges | undefined;
}

interface Parts {
  readonly recorder: Recorder;
  readonly processor: Pick<JobProcessor, 'activeJobs'>;
  readonly instances: readonly Instance[];
  /** `undefined` with a single server. */
  readonly exchange: FiguresExchange | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The metrics of this server and of the others, summed on demand. If the others cannot be read, only those of this server. */
export class Figures {
  readonly #parts: Parts;
  #timer: NodeJS.Timeout | undefined;
  /** Number of ended jobs in the last report. `undefined` if the other servers may have no report. */
  #told: number | undefined;
  readonly #recorders = new WeakMap<RecorderState, Recorder>();
  #others: { readonly at: number; readonly figures: Promise<readonly Other[]> } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Restores the metrics that this server last reported if its file is older, and starts to report. */
  async start(): Promise<void> {
    const { exchange, recorder } = this.#parts;
    if (!exchange) return;
    try {
      const before = (await exchange.all()).get(recorder.id)?.counted;
      if (before && countOf(before.all) > countOf(recorder.all)) recorder.restore(before);
    } catch (error) {
      this.#onError(error);
    }
    this.#timer = setInterval(() => void this.#tell(exchange), TELL_MS);
    await this.#tell(exchange);
  }

  /** Reports a last time. Never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const { exchange, recorder } = this.#parts;
    if (!exchange || !this.#timer) return;
    await this.#tell(exchange);
    await exchange.leave(recorder.id).catch(this.#onError);
  }

  /** Returns the metrics of all servers. Never rejects. */
  async read(): Promise<Sum> {
    const { recorder, processor, exchange, clock } = this.#parts;
    const others = exchange ? await this.#readOthers(exchange) : [];
    if (others.length === 0) {
      return { recorder, activeJobs: processor.activeJobs, loadOf: ({ activeJobs }) => activeJobs };
    }
    const sum = new Recorder(clock);
    for (const one of [recorder, ...others.map((other) => other.recorder)]) sum.add(one);
    const gauges = others.flatMap(({ now }) => now ?? []);
    return {
      recorder: sum,
      activeJobs: gauges.reduce((all, { activeJobs }) => all + activeJobs, processor.activeJobs),
      loadOf: ({ host, activeJobs }) => gauges.reduce((all, { load }) => all + (load[host] ?? 0), activeJobs),
    };
  }

  #readOthers(exchange: FiguresExchange): Promise<readonly Other[]> {
    const now = performance.now();
    if (!this.#others || now - this.#others.at > FRESH_MS) {
      this.#others = { at: now, figures: this.#ask(exchange) };
    }
    return this.#others.figures;
  }

  async #ask(exchange: FiguresExchange): Promise<readonly Other[]> {
    try {
      const others: Other[] = [];
      for (const [id, { counted, now }] of await exchange.all()) {
        if (id === this.#parts.recorder.id) continue;
        // Parsing the metrics of a server takes some milliseconds.
        await nextTurn();
        const recorder = this.#read(counted);
        if (recorder) others.push({ recorder, now });
      }
      return others;
    } catch (error) {
      this.#onError(error);
      return [];
    }
  }

  /** Returns `undefined` if the metrics are damaged: those of the other servers are still shown. */
  #read(counted: RecorderState): Recorder | undefined {
    const known = this.#recorders.get(counted);
    if (known) return known;
    const recorder = new Recorder(this.#parts.clock);
    try {
      recorder.restore(counted);
      this.#recorders.set(counted, recorder);
      return recorder;
    } catch (error) {
      this.#onError(error);
      return undefined;
    }
  }

  async #tell(exchange: FiguresExchange): Promise<void> {
    const { recorder } = this.#parts;
    const count = countOf(recorder.all);
    try {
      const isKnown = this.#told === count;
      await exchange.tell(recorder.id, this.#gauges(), isKnown ? undefined : recorder.toState());
      this.#told = count;
    } catch (error) {
      // Redis may have lost everything.
      this.#told = undefined;
      this.#onError(error);
    }
  }

  #gauges(): ServerGauges {
    const { processor, instances } = this.#parts;
    const busy = instances.filter(({ activeJobs }) => activeJobs > 0);
    const load = Object.fromEntries(busy.map(({ host, activeJobs }) => [host, activeJobs]));
    return { activeJobs: processor.activeJobs, load };
  }

  /** At debug level only: the Redis connection itself logs outages. */
  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Figures were not exchanged with other servers', { error: messageOf(error) });
  };
}

/** Returns the number of ended jobs. */
function countOf({ completed, failed, cancelled }: Pick<RecorderState['all'], Outcome>): number {
  return completed + failed + cancelled;
}
