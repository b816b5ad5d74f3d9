import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Instance } from '../instances/Instance.js';
import type { JobProcessor } from '../jobs/JobProcessor.js';
import type { FiguresExchange, ServerGauges } from './FiguresExchange.js';
import { Recorder, type RecorderState } from './Recorder.js';

type Outcome = 'completed' | 'failed' | 'cancelled';

/** Between two times at which others are told, ms. */
const TELL_MS = 2000;
/** What others told may be so old, ms: no request makes more work than one a second. */
const FRESH_MS = 1000;

/** Figures of all servers together, as they are read. */
export interface Sum {
  /** Only to be read. */
  readonly recorder: Recorder;
  /** Jobs that run. */
  readonly activeJobs: number;
  /** Jobs on one machine. */
  loadOf(instance: Instance): number;
}

/** What another server told. */
interface Other {
  readonly recorder: Recorder;
  /** undefined for one that is gone. */
  readonly now: ServerGauges | undefined;
}

interface Parts {
  readonly recorder: Recorder;
  readonly processor: Pick<JobProcessor, 'activeJobs'>;
  readonly instances: readonly Instance[];
  /** undefined where there is one server. */
  readonly exchange: FiguresExchange | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * This server's figures and those of the others, summed when somebody asks. Where the others cannot be asked, they are this
 * server's.
 */
export class Figures {
  readonly #parts: Parts;
  #timer: NodeJS.Timeout | undefined;
  /** How many jobs had been counted when others were told last; undefined where they may know nothing. */
  #told: number | undefined;
  readonly #recorders = new WeakMap<RecorderState, Recorder>();
  #others: { readonly at: number; readonly figures: Promise<readonly Other[]> } | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Goes on from what this server told before it ended, where its file is older, and tells from now on. */
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

  /** Tells a last time. Never rejects. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const { exchange, recorder } = this.#parts;
    if (!exchange || !this.#timer) return;
    await this.#tell(exchange);
    await exchange.leave(recorder.id).catch(this.#onError);
  }

  /** Never rejects. */
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
        // To read one takes some milliseconds.
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

  /** undefined for figures that are damaged: those of the other servers are shown all the same. */
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
      // Redis may have lost all of it.
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

  /** The connection tells of outages; this is for whoever looks closely. */
  readonly #onError = (error: unknown): void => {
    this.#parts.logger.debug('Figures were not exchanged with other servers', { error: messageOf(error) });
  };
}

/** Jobs that ended. */
function countOf({ completed, failed, cancelled }: Pick<RecorderState['all'], Outcome>): number {
  return completed + failed + cancelled;
}
