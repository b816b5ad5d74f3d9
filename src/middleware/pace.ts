import type { Request } from 'express';
import { countDown } from '../utils/deadline.js';

/** The minimum speed of a client. */
export interface Pace {
  /** Bytes per second, over each window; 0 for no minimum. */
  readonly minBytesPerSecond: number;
  /** Maximum duration of an upload, ms. */
  readonly wholeMs: number;
}

/** Long enough for a phone to change its network. */
const WINDOW_MS = 10_000;

/**
 * Watches the speed of an upload.
 * @param onTooSlow called once, with the reason, if it is too slow
 * @returns a function that stops watching
 */
export function watchUpload(request: Request, pace: Pace, onTooSlow: (why: string) => void): () => void {
  const { socket } = request;
  // Bytes that arrived with the headers do not count, so the first window only starts the count.
  let seen: number | undefined;
  const stop = () => {
    stopWindow();
    stopWhole();
  };
  const tooSlow = (why: string) => {
    stop();
    onTooSlow(why);
  };
  let stopWindow: () => void = () => undefined;
  const watchWindow = () => {
    // Time in which this process could not read is not the client's.
    stopWindow = countDown(WINDOW_MS, () => {
      const bytes = socket.bytesRead - (seen ?? Number.NEGATIVE_INFINITY);
      seen = socket.bytesRead;
      // Received bytes wait to be read: the server is slow, for example its asset store, not the client.
      const isSlow = request.readableLength === 0 && bytes < (pace.minBytesPerSecond * WINDOW_MS) / 1000;
      if (isSlow) tooSlow(`fewer than ${pace.minBytesPerSecond} bytes per second arrived`);
      else watchWindow();
    });
  };
  watchWindow();
  const stopWhole = countDown(pace.wholeMs, () => {
    tooSlow(`it was not complete after ${pace.wholeMs / 1000} seconds`);
  });
  return stop;
}
