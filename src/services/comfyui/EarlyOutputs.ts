import type { Content } from '../../utils/StoredFile.js';
import type { ComfyClient } from './ComfyClient.js';
import { type MadeOutput, madeOutput, type OutputReceiver } from './fetchOutputs.js';
import type { OutputFile, OutputItem } from './outputItems.js';
import { markOf } from './ownOutputs.js';
import type { MadeByNode } from './promptTracker.js';

interface Source {
  readonly client: ComfyClient;
  readonly receive: OutputReceiver | undefined;
  /** Maximum size of all outputs fetched early into memory, bytes: the rest is fetched at the prompt's end. */
  readonly maxBytes: number;
  /** Called with each fetched output, and its index among the outputs of its node. */
  onOutput(made: MadeOutput, index: number): void;
}

/**
 * Fetches the outputs of a prompt while it runs, one after the other. An output that cannot be fetched now is fetched at the
 * prompt's end; no output is fetched twice.
 */
export class EarlyOutputs {
  readonly #source: Source;
  readonly #stopped = new AbortController();
  readonly #signal: AbortSignal;
  /** By node and item; failed ones are undefined. */
  readonly #fetched = new Map<string, MadeOutput | undefined>();
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
      for (const [index, item] of items.entries()) {
        const key = keyOf(id, item);
        if (this.#fetched.has(key)) continue;
        this.#fetched.set(key, undefined);
        this.#last = this.#last.then(() => this.#fetch(key, { id, item, index }));
      }
    }
  }

  /** Waits for all outputs so far: the prompt has failed, so nobody fetches them later. */
  async last(): Promise<void> {
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
    return this.#fetched.get(keyOf(id, item));
  }

  async #fetch(key: string, { id, item, index }: Noticed): Promise<void> {
    if (this.#signal.aborted || this.#bytesLeft <= 0) return;
    this.#isFetching = true;
    try {
      const bytes = item.kind === 'text' ? Buffer.from(item.text) : await this.#view(id, item.file);
      if (Buffer.isBuffer(bytes)) this.#bytesLeft -= bytes.length;
      const made = madeOutput(id, item, bytes);
      this.#fetched.set(key, made);
      if (!this.#signal.aborted) this.#source.onOutput(made, index);
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

function keyOf(id: string, item: OutputItem): string {
  return JSON.stringify([id, item]);
}
