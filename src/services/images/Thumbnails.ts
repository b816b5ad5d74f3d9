import { ClientTurns } from '../../utils/ClientTurns.js';
import { makeThumbnail } from './thumbnail.js';

export interface ThumbnailLimits {
  /** Maximum width x height to decode. */
  readonly maxPixels: number;
  /** Bytes of thumbnails to keep: the least recently used are dropped first. */
  readonly maxBytes: number;
}

/** The decoder rejected an image. */
export class UndecodableImage extends Error {
  override name = 'UndecodableImage';
}

/** Thumbnails of results, each created once, however many clients request it at the same time. */
export class Thumbnails {
  readonly #limits: ThumbnailLimits;
  /** A large result occupies a thread for seconds, and the other threads are for jobs. */
  readonly #turns = new ClientTurns();
  /** By id, the most recently used last. */
  readonly #kept = new Map<string, Buffer>();
  readonly #underWay = new Map<string, Promise<Buffer>>();
  #bytes = 0;

  constructor(limits: ThumbnailLimits) {
    this.#limits = limits;
  }

  /** Bytes in the cache. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Returns the thumbnail of the image `id`.
   * @param load gets the image when its turn comes; its errors are passed on
   * @param client clients take turns
   * @throws UndecodableImage
   */
  async get(id: string, load: () => Promise<Buffer>, client: string): Promise<Buffer> {
    const kept = this.#kept.get(id);
    if (kept) {
      this.#kept.delete(id);
      this.#kept.set(id, kept);
      return kept;
    }
    const underWay = this.#underWay.get(id) ?? this.#make(id, load, client);
    return underWay;
  }

  /** Removes a thumbnail, even one in progress. */
  forget(id: string): void {
    this.#underWay.delete(id);
    const kept = this.#kept.get(id);
    if (!kept) return;
    this.#kept.delete(id);
    this.#bytes -= kept.length;
  }

  #make(id: string, load: () => Promise<Buffer>, client: string): Promise<Buffer> {
    const making = this.#turns.run({ client }, async () => {
      const image = await load();
      try {
        return await makeThumbnail(image, this.#limits.maxPixels);
      } catch (cause) {
        throw new UndecodableImage('The image cannot be decoded.', { cause });
      }
    });
    this.#underWay.set(id, making);
    making.then(
      (thumbnail) => {
        // It may have been removed in the meantime.
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
