import pLimit from 'p-limit';
import { makeThumbnail } from './thumbnail.js';

/** A large result takes a thread for seconds, and the others are for jobs. */
const CONCURRENCY = 1;

export interface ThumbnailLimits {
  /** Width x height that is decoded at most. */
  readonly maxPixels: number;
  /** Bytes of thumbnails kept: those that were asked for longest ago go first. */
  readonly maxBytes: number;
}

/** Small pictures of results, each made once, however many ask for it at the same time. */
export class Thumbnails {
  readonly #limits: ThumbnailLimits;
  readonly #turn = pLimit(CONCURRENCY);
  /** By id, the ones that were asked for last at the end. */
  readonly #kept = new Map<string, Buffer>();
  readonly #underWay = new Map<string, Promise<Buffer>>();
  #bytes = 0;

  constructor(limits: ThumbnailLimits) {
    this.#limits = limits;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The thumbnail of the image called `id`.
   * @param load gets the image, when its turn has come; its error is the caller's
   */
  async get(id: string, load: () => Promise<Buffer>): Promise<Buffer> {
    const kept = this.#kept.get(id);
    if (kept) {
      this.#kept.delete(id);
      this.#kept.set(id, kept);
      return kept;
    }
    const underWay = this.#underWay.get(id) ?? this.#make(id, load);
    return underWay;
  }

  /** Forgets a thumbnail, also one that is being made. */
  forget(id: string): void {
    this.#underWay.delete(id);
    const kept = this.#kept.get(id);
    if (!kept) return;
    this.#kept.delete(id);
    this.#bytes -= kept.length;
  }

  #make(id: string, load: () => Promise<Buffer>): Promise<Buffer> {
    const making = this.#turn(async () => makeThumbnail(await load(), this.#limits.maxPixels));
    this.#underWay.set(id, making);
    making.then(
      (thumbnail) => {
        // It may have been forgotten meanwhile.
        if (this.#underWay.get(id) === making) this.#keep(id, thumbnail);
      },
      () => {
        if (this.#underWay.get(id) === making) this.#underWay.delete(id);
      },
    );
    return making;
  }

  #keep(id: string, thumbnail: Buffer): void {
    this.#underWay.delete(id);
    this.#kept.set(id, thumbnail);
    this.#bytes += thumbnail.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#limits.maxBytes) return;
      this.forget(oldest);
    }
  }
}
