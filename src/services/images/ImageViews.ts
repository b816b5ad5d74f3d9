import { ClientTurns, type Sender } from '../../utils/ClientTurns.js';
import { type ImageView, viewImage } from './imageView.js';
import { putMask } from './putMask.js';

/** Maximum number of files in memory. */
const MAX_FILES = 4;

/**
 * Converts pictures that clients want to see in another form, and puts masks on them. Clients take turns.
 *
 * In each method, `load` gets the file when its turn comes; its errors are passed on. `maxPixels` is the maximum width x height
 * to decode. If the client has gone, the reason of its signal is thrown.
 */
export class ImageViews {
  /** A machine that sends a file slowly delays one client only, and waiting requests keep no file in memory. */
  readonly #files = new ClientTurns({ total: MAX_FILES });
  /** A large picture occupies a thread for seconds, and the other threads are for jobs. */
  readonly #turns = new ClientTurns();

  /** @throws the errors of `viewImage` */
  view(load: () => Promise<Buffer>, view: ImageView, maxPixels: number, sender: Sender): Promise<Buffer> {
    return this.#run(load, (file) => viewImage(file, view, maxPixels), sender);
  }

  /** @throws the errors of `putMask` */
  masked(load: () => Promise<Buffer>, mask: Buffer, maxPixels: number, sender: Sender): Promise<Buffer> {
    return this.#run(load, (file) => putMask(file, mask, maxPixels), sender);
  }

  #run(
    load: () => Promise<Buffer>,
    work: (file: Buffer) => Promise<Buffer>,
    sender: Sender,
  ): Promise<Buffer> {
    return this.#files.run(sender, async () => {
      const file = await load();
      return this.#turns.run(sender, () => work(file));
    });
  }
}
