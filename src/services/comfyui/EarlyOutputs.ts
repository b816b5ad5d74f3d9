import type { Content } from '../../utils/StoredFile.js';
import type { ComfyClient } from './ComfyClient.js';
import { type MadeOutput, madeOutput, type OutputReceiver } from './fetchOutputs.js';
import type { OutputFile, OutputItem } from './outputItems.js';
import { markOf } from './ownOutputs.js';
import type { MadeByNode } from './promptTracker.js';

/** In the names of `PreviewImage`. */
const CHANCE = /_temp_[a-z]{5}_/;

interface Source {
  readonly client: ComfyClient;
  readonly receive: OutputReceiver | undefined;
  /** Maximum size of all outputs fetched early into memory, bytes: the rest is fetched at the prompt's end. */
  readonly maxBytes: number;
  /**
   * Called with each fetched output, and its index among the outputs of its node. Without it, only files are fetched that another
   * prompt may overwrite.
   */
  readonly onOutput: ((made: MadeOutput, index: number) => void) | undefined;
}

/**
 * Fetches the outputs of a prompt while it runs, one after the other. An output that cannot be fetched now is fetched at the
 * prompt's end, as is a file that a later iteration of a loop has overwritten; no other output is fetched twice.
 */
export class EarlyOutputs {
  readonly #source: Source;
  readonly #stopped = new AbortController();
  readonly #signal: AbortSignal;
  /** By node and item; failed ones are undefined. */
  readonly #fetched = new Map<string, MadeOutput | undefined>();
  /** Files that were reported again: each has other bytes by now. */
  readonly #rewritten = new Set<string>();
  #bytesLeft: number;
  #last: Promise<void> = Promise.resolve();
  #isFetching = false;
  /** The prompt has ended: a machine that does not respond now is not waited for again. */
  #hasEnded = false;

  constructor(source: Source, signal: AbortSignal) {
    this.#source = source;
    this.#signal = AbortSignal.any([signal, this.#stopped.signal]);
    this.#bytesLeft = source.maxBytes;
  }

  /** @param made outputs so far */
  look(made: MadeByNode): void {
    for (const [id, items] of made) {
      const keys = new Set<string>();
      for (const [index, item] of items.entries()) {
        const key = keyOf(id, item);
        if (keys.has(key)) this.#rewritten.add(key);
        keys.add(key);
        if (this.#fetched.has(key) || !this.#isWanted(id, item)) continue;
        this.#fetched.set(key, undefined);
        this.#last = this.#last.then(() => this.#fetch(key, { id, item, index }));
      }
    }
  }

  /** Waits for all outputs so far: the prompt has failed, so nobody fetches them later. */
  async last(): Promise<void> {
    if (!this.#source.onOutput) this.stop();
    this.#hasEnded = true;
    await this.#last;
  }

  /** Fetches no more, and waits for the current download. */
  async end(): Promise<void> {
    this.#bytesLeft = 0;
    await this.#last;
  }

  /** Aborts, because the outputs are not needed. */
  stop(): void {
    this.#bytesLeft = 0;
    // An abort takes longer than all other work here, and mostly nothing is being fetched.
    if (this.#isFetching) this.#stopped.abort();
  }

  /** Returns an output that was already fetched. @param id of the output node in the prompt */
  get(id: string, item: OutputItem): MadeOutput | undefined {
    const key = keyOf(id, item);
    return this.#rewritten.has(key) ? undefined : this.#fetched.get(key);
  }

  #isWanted(id: string, item: OutputItem): boolean {
    return this.#source.onOutput !== undefined || (item.kind === 'file' && mayBeRewritten(id, item.file));
  }

  async #fetch(key: string, { id, item, index }: Noticed): Promise<void> {
    if (this.#signal.aborted || this.#bytesLeft <= 0 || this.#rewritten.has(key)) return;
    this.#isFetching = true;
    try {
      const bytes = item.kind === 'text' ? Buffer.from(item.text) : await this.#view(id, item.file);
      if (Buffer.isBuffer(bytes)) this.#bytesLeft -= bytes.length;
      if (this.#rewritten.has(key)) return;
      const made = madeOutput(id, item, bytes);
      this.#fetched.set(key, made);
      if (!this.#signal.aborted) this.#source.onOutput?.(made, index);
    } catch {
      // It is fetched again at the prompt's end, with more retries.
      if (this.#hasEnded) this.#bytesLeft = 0;
    } finally {
      this.#isFetching = false;
    }
  }

  #view(id: string, file: OutputFile): Promise<Content> {
    const { client, receive } = this.#source;
    return receive
      ? client.files.stream(file, (body) => receive(body, file.filename, markOf(id)), this.#signal)
      : client.files.view(file, this.#signal);
  }
}

interface Noticed {
  /** Of the output node in the prompt. */
  readonly id: string;
  readonly item: OutputItem;
  /** Among the outputs of the node. */
  readonly index: number;
}

/** Whether another prompt may write a file of this name: it has neither the mark nor the letters that ComfyUI chooses by chance. */
function mayBeRewritten(id: string, { filename, type }: OutputFile): boolean {
  const mark = markOf(id);
  return mark !== undefined && !filename.includes(mark) && !(type === 'temp' && CHANCE.test(filename));
}

function keyOf(id: string, item: OutputItem): string {
  return JSON.stringify([id, item]);
}
