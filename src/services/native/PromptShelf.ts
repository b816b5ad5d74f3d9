import { type FilePlace, placeKey } from './filePlace.js';
import type { NativePrompt } from './NativePrompt.js';

interface Shelved {
  readonly prompt: NativePrompt;
  unfollow(): void;
}

/** The prompts whose jobs there are, for whoever asks about the queue, the history and files. */
export class PromptShelf {
  /** By job, in the order in which they came. */
  readonly #byJob = new Map<string, Shelved>();
  /** By the id that the client knows, the last one that has it. */
  readonly #byId = new Map<string, NativePrompt>();
  /** Those that have ended, in this order, by job. */
  readonly #history = new Map<string, NativePrompt>();
  /** By owner and place. */
  readonly #byFile = new Map<string, NativePrompt>();

  add(prompt: NativePrompt, unfollow: () => void): void {
    const { jobId, owner, id } = prompt.record;
    this.#byJob.set(jobId, { prompt, unfollow });
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

  /** Those that have ended and were not forgotten, in this order. */
  history(owner: string | undefined): NativePrompt[] {
    return [...this.#history.values()].filter(({ record }) => record.owner === owner);
  }

  isInHistory({ record }: NativePrompt): boolean {
    return this.#history.has(record.jobId);
  }

  ended(prompt: NativePrompt): void {
    this.#history.set(prompt.record.jobId, prompt);
  }

  /** Takes a prompt out of the history. Its files are there as long as its job is. */
  forget({ record }: NativePrompt): void {
    this.#history.delete(record.jobId);
  }

  unfollow(jobId: string): void {
    this.#byJob.get(jobId)?.unfollow();
  }

  /** Every prompt that has not ended, in the order in which they came. */
  #open(owner: string | undefined): NativePrompt[] {
    const all = [...this.#byJob.values()].map(({ prompt }) => prompt);
    return all.filter(({ end, record }) => end === undefined && record.owner === owner);
  }

  /** The prompt that made a file of this name last. */
  withFile(place: FilePlace, owner: string | undefined): NativePrompt | undefined {
    return this.#byFile.get(keyOf(owner, placeKey(place)));
  }

  addFiles(prompt: NativePrompt): void {
    for (const place of prompt.files.places()) {
      this.#byFile.set(keyOf(prompt.record.owner, placeKey(place)), prompt);
    }
  }

  /** Its job is gone. */
  remove(jobId: string): void {
    const shelved = this.#byJob.get(jobId);
    if (!shelved) return;
    const { prompt, unfollow } = shelved;
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
