import { ClientTurns, type Sender } from '../../utils/ClientTurns.js';
import { type ImageView, viewImage } from './imageView.js';

/** Maximum number of files in memory. */
const MAX_FILES = 4;

/** Converts pictures for clients that want to see them in another form. Clients take turns. */
export class ImageViews {
  /** A machine that sends a file slowly delays one client only, and waiting requests keep no file in memory. */
  readonly #files = new ClientTurns({ total: MAX_FILES });
  /** A large picture occupies a thread for seconds, and the other threads are for jobs. */
  readonly #turns = new ClientTurns();

  /**
   * @param load gets the file when its turn comes; its errors are passed on
   * @param maxPixels maximum width x height to decode
   * @throws the errors of `viewImage`, or the reason of the signal if the client has gone
   */
  make(load: () => Promise<Buffer>, view: ImageView, maxPixels: number, sender: Sender): Promise<Buffer> {
    return this.#files.run(sender, async () => {
      const file = await load();
      return this.#turns.run(sender, () => viewImage(file, view, maxPixels));
    });
  }
}
