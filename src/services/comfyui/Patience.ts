import { PromptError } from '../../errors.js';
import type { PromptFailure } from '../../promptFailures.js';
import { sleep } from '../../utils/timers.js';
import type { ComfyClient } from './ComfyClient.js';

/** Consecutive failed requests after which the instance counts as gone. */
const MAX_FAILURES = 3;
const RETRY_MS = 100;

/** Failures of the connection or of something in between; the same request may succeed a moment later. */
const TRANSIENT: ReadonlySet<PromptFailure> = new Set([
  'connection refused',
  'connection lost',
  'no answer',
  'unexpected response',
  // A proxy's page came instead of the file.
  'unreadable result',
  'server exhausted',
]);

/**
 * Decides how long requests about an accepted prompt are repeated. A node that holds Python's GIL stops the whole
 * ComfyUI process for half a minute or more, while TCP still connects. A second execution elsewhere would waste its
 * work, so such a silence is waited out, and so is a lack of file descriptors of this server; other failures are not.
 */
export class Patience {
  readonly #client: ComfyClient;
  readonly #silenceMs: number;
  #lastHeard = performance.now();
  #failures = 0;

  /** @param silenceMs how long an instance that accepts connections may be silent, ms */
  constructor(client: ComfyClient, silenceMs: number) {
    this.#client = client;
    this.#silenceMs = silenceMs;
  }

  /** Milliseconds since the last sign of life. */
  get silentMs(): number {
    return performance.now() - this.#lastHeard;
  }

  /** The instance has responded. */
  heard(): void {
    this.#lastHeard = performance.now();
    this.#failures = 0;
  }

  /**
   * A request failed. Resolves when it may be repeated.
   * @throws the error if it may not, or the signal's reason
   */
  async failed(error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (error instanceof PromptError && error.failure === 'server exhausted' && this.#silenceMs > 0) {
      // Whoever cannot be asked is not silent.
      this.heard();
      return;
    }
    if (!(error instanceof PromptError) || !TRANSIENT.has(error.failure)) throw error;
    this.#failures += 1;
    if (error.failure === 'no answer' && this.silentMs < this.#silenceMs) {
      const isBusy = await this.#client.isConnectable();
      signal.throwIfAborted();
      if (isBusy) {
        this.#failures = 1;
        return;
      }
    }
    if (this.#failures >= MAX_FAILURES) throw error;
  }

  /** Repeats a request as long as that makes sense. */
  async request<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        const answer = await send();
        this.heard();
        return answer;
      } catch (error) {
        await this.failed(error, signal);
        await sleep(RETRY_MS * Math.max(1, this.#failures), signal);
        signal.throwIfAborted();
      }
    }
  }
}
