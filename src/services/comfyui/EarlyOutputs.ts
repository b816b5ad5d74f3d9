import type { Content } from '../../utils/StoredFile.js';
import type { ComfyClient } from './ComfyClient.js';
import { type MadeOutput, madeOutput, type OutputReceiver } from './fetchOutputs.js';
import type { OutputFile, OutputItem } from './outputItems.js';
import { workflowNodeId } from './ownOutputs.js';
import type { MadeByNode } from './promptTracker.js';

interface Source {
  readonly client: ComfyClient;
  readonly receive: OutputReceiver | undefined;
  /** Bytes that are fetched early into memory, all together: the rest waits for the prompt's end. */
  readonly maxBytes: number;
  /** Called with each output once it is here. */
  onOutput(made: MadeOutput): void;
}

/**
 * Fetches what a prompt makes while it still runs, one after the other. What cannot be fetched now is left to the prompt's end,
 * and what was fetched is not fetched again then.
 */
export class EarlyOutputs {
  readonly #source: Source;
  readonly #stopped = new AbortController();
  readonly #signal: AbortSignal;
  /** By node and item, those that failed left out. */
  readonly #fetched = new Map<string, MadeOutput | undefined>();
  #bytesLeft: number;
  #last: Promise<void> = Promise.resolve();

  constructor(source: Source, signal: AbortSignal) {
    this.#source = source;
    this.#signal = AbortSignal.any([signal, this.#stopped.signal]);
    this.#bytesLeft = source.maxBytes;
  }

  /** @param made so far */
  look(made: MadeByNode): void {
    for (const [id, items] of made) {
      for (const item of items) {
        const key = keyOf(workflowNodeId(id), item);
        if (this.#fetched.has(key)) continue;
        this.#fetched.set(key, undefined);
        this.#last = this.#last.then(() => this.#fetch(key, workflowNodeId(id), item));
      }
    }
  }

  /** Fetches no more, and waits for what is on its way. */
  async end(): Promise<void> {
    this.#bytesLeft = 0;
    await this.#last;
  }

  /** Nobody wants any of it. */
  stop(): void {
    this.#stopped.abort();
  }

  /** What was fetched already. */
  get(nodeId: string, item: OutputItem): MadeOutput | undefined {
    return this.#fetched.get(keyOf(nodeId, item));
  }

  async #fetch(key: string, nodeId: string, item: OutputItem): Promise<void> {
    if (this.#signal.aborted || this.#bytesLeft <= 0) return;
    try {
      const bytes = item.kind === 'text' ? Buffer.from(item.text) : await this.#view(item.file);
      if (Buffer.isBuffer(bytes)) this.#bytesLeft -= bytes.length;
      const made = madeOutput(nodeId, item, bytes);
      this.#fetched.set(key, made);
      if (!this.#signal.aborted) this.#source.onOutput(made);
    } catch {
      // It is fetched again at the prompt's end, with more patience.
    }
  }

  #view(file: OutputFile): Promise<Content> {
    const { client, receive } = this.#source;
    return receive
      ? client.viewStream(file, (body) => receive(body, file.filename), this.#signal)
      : client.view(file, this.#signal);
  }
}

function keyOf(nodeId: string, item: OutputItem): string {
  return JSON.stringify([nodeId, item]);
}
