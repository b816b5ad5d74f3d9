import { setImmediate } from 'node:timers/promises';
import type { Change, Eraser, Step } from './steps.js';

/** A file may consist of millions of tiny parts. This many take about a millisecond. */
const STEPS_A_TURN = 1000;
const NOTHING = Buffer.alloc(0);

/** What else happens to the metadata. */
export interface Reading {
  /** Receives the metadata, in order and in parts, before they change. The bytes are valid during the call only. */
  readonly see?: ((metadata: Buffer) => void) | undefined;
  /** Whether the file stays unchanged: it is only read. */
  readonly isKept?: boolean;
}

/**
 * Runs an eraser on a file. If the eraser throws, the rest of the file stays unchanged: no result may be lost because its metadata
 * is odd.
 * @param parts of the file. They are changed in place, and passed on as soon as the eraser has moved on
 * @throws the error of `parts`
 */
export async function* edited(
  parts: AsyncIterable<Buffer>,
  eraser: Eraser,
  { see, isKept = false }: Reading = {},
): AsyncGenerator<Buffer, void> {
  const view = new View(parts[Symbol.asyncIterator]());
  try {
    let next = nextOf(eraser, NOTHING);
    for (let steps = 1; !next.done; steps += 1) {
      if (steps % STEPS_A_TURN === 0) await setImmediate();
      const step = next.value;
      const isLook = 'look' in step;
      if (!isLook) {
        const { pass, change, metadata } = step;
        if (metadata) see?.(metadata);
        yield* view.pass(pass, (part, offset) => {
          if (change && !metadata) see?.(part);
          if (!isKept) change?.(part, offset);
        });
      }
      next = nextOf(eraser, isLook ? await view.look(step.look) : NOTHING);
    }
    yield* view.rest();
  } finally {
    await view.close();
  }
}

function nextOf(eraser: Eraser, seen: Buffer): IteratorResult<Step, void> {
  try {
    return eraser.next(seen);
  } catch {
    return { done: true, value: undefined };
  }
}

/** A file that arrives in parts, from the current position on. */
class View {
  readonly #parts: AsyncIterator<Buffer>;
  /** Parts that begin before the end of what was looked at. */
  readonly #held: Buffer[] = [];
  /** The current position within the first held part. */
  #at = 0;
  #isWhole = false;

  constructor(parts: AsyncIterator<Buffer>) {
    this.#parts = parts;
  }

  async look(bytes: number): Promise<Buffer> {
    const seen: Buffer[] = [];
    let left = bytes;
    for (let n = 0; left > 0 && (n < this.#held.length || (await this.#receive())); n += 1) {
      const part = (this.#held[n] ?? NOTHING).subarray(n === 0 ? this.#at : 0).subarray(0, left);
      left -= part.length;
      seen.push(part);
    }
    return Buffer.concat(seen);
  }

  async *pass(bytes: number, change: Change): AsyncGenerator<Buffer, void> {
    for (let left = bytes; left > 0; ) {
      const [part] = this.#held;
      if (!part) {
        if (await this.#receive()) continue;
        return;
      }
      const passed = part.subarray(this.#at, this.#at + left);
      change(passed, bytes - left);
      left -= passed.length;
      this.#at += passed.length;
      if (this.#at < part.length) continue;
      this.#held.shift();
      this.#at = 0;
      yield part;
    }
  }

  async *rest(): AsyncGenerator<Buffer, void> {
    yield* this.#held.splice(0);
    while (await this.#receive()) yield* this.#held.splice(0);
  }

  /** Closes the source if it was not read to its end. */
  async close(): Promise<void> {
    if (!this.#isWhole) await this.#parts.return?.();
  }

  /** @returns whether there was another part */
  async #receive(): Promise<boolean> {
    if (this.#isWhole) return false;
    const { done, value } = await this.#parts.next();
    this.#isWhole = done === true;
    if (done === true) return false;
    this.#held.push(value);
    return true;
  }
}
