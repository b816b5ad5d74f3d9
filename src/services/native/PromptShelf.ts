import { type FilePlace, placeKey } from './filePlace.js';
import type { NativePrompt } from './NativePrompt.js';

/** Ends what is kept up for a prompt. Later calls do nothing. */
interface Ties {
  /** The messages of machines. */
  leave(): void;
  /** The records of its job. */
  unfollow(): void;
}

interface Shelved extends Ties {
  readonly prompt: NativePrompt;
}

type KeepPrompt = (jobId: string, kept: { readonly size: number; drop(): void }) => void;

/** Holds the prompts of existing jobs for requests about the queue, the history and files. */
export class PromptShelf {
  /** By job. */
  readonly #byJob = new Map<string, Shelved>();
  /** Prompts that have not ended, by job, in the order of arrival. */
  readonly #open = new Map<string, NativePrompt>();
  /** Ended prompts by owner and id. As in ComfyUI, a later prompt with the same id takes the place of the earlier one. */
  readonly #history = new Map<string, NativePrompt>();
  /** By owner and place. */
  readonly #byFile = new Map<string, NativePrompt>();

  readonly #keep: KeepPrompt;

  /** @param keep counts what a prompt takes in the history, and drops it if there is no room: called again, with the size 0, once it has left */
  constructor(keep: KeepPrompt) {
    this.#keep = keep;
  }

  /** @param ties the messages are left when the prompt has ended, the records when it is removed */
  add(prompt: NativePrompt, ties: Ties): void {
    const { jobId } = prompt.record;
    this.#byJob.set(jobId, { prompt, ...ties });
    this.#open.set(jobId, prompt);
  }

  ofJob(jobId: string): NativePrompt | undefined {
    return this.#byJob.get(jobId)?.prompt;
  }

  /** Returns the prompt in the history with this id: clients may use an id again. */
  ended(id: string, owner: string | undefined): NativePrompt | undefined {
    return this.#history.get(keyOf(owner, id));
  }

  /** Returns the prompt with this id that has not ended, a running one first. */
  open(id: string, owner: string | undefined): NativePrompt | undefined {
    return [...this.running(owner), ...this.pending(owner)].find(({ record }) => record.id === id);
  }

  running(owner: string | undefined): NativePrompt[] {
    return this.#openOf(owner).filter(({ hasStarted }) => hasStarted);
  }

  /** Those that are to be first go before the others. */
  pending(owner: string | undefined): NativePrompt[] {
    const waiting = this.#openOf(owner).filter(({ hasStarted }) => !hasStarted);
    const isFirst = ({ record }: NativePrompt) => record.number < 0;
    return [...waiting.filter(isFirst), ...waiting.filter((prompt) => !isFirst(prompt))];
  }

  /** Returns the prompts in the history, in the order of their ends. A later prompt with the same id keeps its place. */
  history(owner: string | undefined): NativePrompt[] {
    return [...this.#history.values()].filter(({ record }) => record.owner === owner);
  }

  /** No message of a machine about it matters any more. */
  leave(jobId: string): void {
    this.#byJob.get(jobId)?.leave();
  }

  /** Moves a prompt that has ended to the history. */
  end(prompt: NativePrompt): void {
    const { jobId, owner, id } = prompt.record;
    this.#open.delete(jobId);
    const before = this.ended(id, owner);
    this.#history.set(keyOf(owner, id), prompt);
    if (before) this.forget(before);
    this.#keepCounted(prompt);
  }

  /** Removes a prompt from the history. Its files are kept as long as its job. */
  forget(prompt: NativePrompt): void {
    const { owner, id } = prompt.record;
    deleteIf(this.#history, keyOf(owner, id), prompt);
    prompt.drop();
    this.#keepCounted(prompt);
  }

  #keepCounted(prompt: NativePrompt): void {
    this.#keep(prompt.record.jobId, { size: prompt.size, drop: () => this.forget(prompt) });
  }

  #openOf(owner: string | undefined): NativePrompt[] {
    return [...this.#open.values()].filter(({ record }) => record.owner === owner);
  }

  /** Returns the latest prompt that created a file at this place. */
  withFile(place: FilePlace, owner: string | undefined): NativePrompt | undefined {
    return this.#byFile.get(keyOf(owner, placeKey(place)));
  }

  addFiles(prompt: NativePrompt): void {
    for (const place of prompt.files.places()) {
      this.#byFile.set(keyOf(prompt.record.owner, placeKey(place)), prompt);
    }
  }

  /** Removes the prompt of a deleted job. */
  remove(jobId: string): void {
    const shelved = this.#byJob.get(jobId);
    if (!shelved) return;
    const { prompt, leave, unfollow } = shelved;
    leave();
    unfollow();
    this.#byJob.delete(jobId);
    this.#open.delete(jobId);
    this.forget(prompt);
    const { owner } = prompt.record;
    for (const place of prompt.files.places()) deleteIf(this.#byFile, keyOf(owner, placeKey(place)), prompt);
  }
}

function keyOf(owner: string | undefined, name: string): string {
  return JSON.stringify([owner ?? null, name]);
}

function deleteIf<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (map.get(key) === value) map.delete(key);
}
