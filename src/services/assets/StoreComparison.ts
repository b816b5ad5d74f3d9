import { hostname } from 'node:os';
import { z } from 'zod';
import { messageOf } from '../../errors.js';
import { jsonIfValid } from '../../utils/jsonIfValid.js';
import type { Logger } from '../../utils/logger.js';
import { Repeater } from '../../utils/Repeater.js';
import type { Announcements } from '../queue/Announcements.js';
import type { AssetStore } from './AssetStore.js';

/** Interval of the comparisons, ms. */
const LOOK_MS = 2000;
/** How long stores must differ, ms: longer than another server's text is kept, which may have been restarted with the right settings. */
const LASTING_MS = 8000;

const announced = z.object({ id: z.string(), place: z.string() });

/** The places of different stores, for people. */
export interface StoreDifference {
  readonly own: string;
  readonly others: readonly string[];
}

/**
 * Finds out whether the servers with the same queue use the same asset store, without which jobs fail. The default of `ASSET_DIR` is a
 * local folder, so it is easy to forget.
 */
export class StoreComparison {
  readonly #store: Pick<AssetStore, 'identity'>;
  readonly #announcements: Announcements;
  readonly #logger: Logger;
  readonly #looks: Repeater;
  /** When the stores began to differ; by the monotonic clock. */
  #since: number | undefined;
  #difference: StoreDifference | undefined;

  constructor(store: Pick<AssetStore, 'identity'>, announcements: Announcements, logger: Logger) {
    this.#store = store;
    this.#announcements = announcements;
    this.#logger = logger;
    this.#looks = new Repeater(() => this.#look(), LOOK_MS, this.#onError);
  }

  /** The stores, if they have differed for some seconds. */
  get difference(): StoreDifference | undefined {
    return this.#difference;
  }

  /** Call it when the store has started. */
  start(): void {
    this.#looks.start();
    this.#looks.now().catch(this.#onError);
  }

  stop(): void {
    this.#looks.stop();
  }

  async #look(): Promise<void> {
    const { id, place } = await this.#store.identity();
    const own = `${place} on ${hostname()}`;
    const texts = await this.#announcements.tell([JSON.stringify({ id, place: own })]);
    const others = [...texts].flatMap((text) => {
      const { data } = announced.safeParse(jsonIfValid(text));
      return data && data.id !== id ? [data.place] : [];
    });
    this.#note(own, others.sort());
  }

  #note(own: string, others: readonly string[]): void {
    const now = performance.now();
    if (others.length === 0) {
      this.#since = undefined;
      this.#difference = undefined;
      return;
    }
    this.#since ??= now;
    if (now - this.#since < LASTING_MS) return;
    const isNew = !this.#difference;
    this.#difference = { own, others };
    if (isNew) this.#logger.error('Servers with the same queue use different asset stores', { own, others });
  }

  /** The connection and the store log outages; this is for debugging. */
  readonly #onError = (error: unknown): void => {
    this.#logger.debug('The asset stores of the servers could not be compared', { error: messageOf(error) });
  };
}
