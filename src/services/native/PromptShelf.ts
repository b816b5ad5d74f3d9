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

/** Holds the prompts of existing jobs for requests about the queue, the history and files. */
export class PromptShelf {
  /** By job, in the order of arrival. */
  readonly #byJob = new Map<string, Shelved>();
  /** By the id for the client; the latest prompt with that id. */
  readonly #byId = new Map<string, NativePrompt>();
  /** Ended prompts by job, in the order of their ends. */
  readonly #history = new Map<string, NativePrompt>();
  /** By owner and place. */
  readonly #byFile = new Map<string, NativePrompt>();

  /** @param ties the messages are left when the prompt has ended, the records when it is removed */
  add(prompt: NativePrompt, ties: Ties): void {
    const { jobId, owner, id } = prompt.record;
    this.#byJob.set(jobId, { prompt, ...ties });
    this.#byId.set(keyOf(owner, id), prompt);
  }

  ofJob(jobId: string): NativePrompt | undefined {
    return this.#byJob.get(jobId)?.prompt;
  }

  withId(id: string, owner: string | undefined): NativePrompt | undefined {
    return this.#byId.get(keyOf(owner, id));
  }

  running(owner: string | undefined): NativePrompt[] {
    return this.#open(owner).filter(({ hasStarted }) => hasStarted);
  }

  /** Those that are to be first go before the others. */
  pending(owner: string | undefined): NativePrompt[] {
    const waiting = this.#open(owner).filter(({ hasStarted }) => !hasStarted);
    const isFirst = ({ record }: NativePrompt) => record.number < 0;
    return [...waiting.filter(isFirst), ...waiting.filter((prompt) => !isFirst(prompt))];
  }

  /** Returns ended prompts that are still in the history, in the order of their ends. */
  history(owner: string | undefined): NativePrompt[] {
    return [...this.#history.values()].filter(({ record }) => record.owner === owner);
  }

  isInHistory({ record }: NativePrompt): boolean {
    return this.#history.has(record.jobId);
  }

  /** No message of a machine about it matters any more. */
  leave(jobId: string): void {
    this.#byJob.get(jobId)?.leave();
  }

  ended(prompt: NativePrompt): void {
    this.#history.set(prompt.record.jobId, prompt);
  }

  /** Removes a prompt from the history. Its files are kept as long as its job. */
  forget({ record }: NativePrompt): void {
    this.#history.delete(record.jobId);
  }

  /** Returns the prompts that have not ended, in the order of arrival. */
  #open(owner: string | undefined): NativePrompt[] {
    const all = [...this.#byJob.values()].map(({ prompt }) => prompt);
    return all.filter(({ end, record }) => end === undefined && record.owner === owner);
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
    this.#history.delete(jobId);
    const { owner, id } = prompt.record;
    deleteIf(this.#byId, keyOf(owner, id), prompt);
    for (const place of prompt.files.places()) deleteIf(this.#byFile, keyOf(owner, placeKey(place)), prompt);
  }
}

function keyOf(owner: string | undefined, name: string): string {
  return JSON.stringify([owner ?? null, name]);
}

function deleteIf<K, V>(map: Map<K, V>, key: K, value: V): void {
  if (map.get(key) === value) map.delete(key);
}
