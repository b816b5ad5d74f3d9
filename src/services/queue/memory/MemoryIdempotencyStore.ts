import type { Claim, IdempotencyStore } from '../IdempotencyStore.js';

interface Entry {
  readonly fingerprint: string;
  /** undefined while the job is created. */
  jobId?: string;
}

/** Keys in this process's memory. */
export class MemoryIdempotencyStore implements IdempotencyStore {
  readonly #entries = new Map<string, Entry>();
  /** Intended jobs that may have been created. */
  readonly #intended = new Map<string, Entry>();
  readonly #keysByJob = new Map<string, string>();

  /** Number of keys. */
  get size(): number {
    return this.#entries.size;
  }

  async claim(key: string, fingerprint: string): Promise<Claim> {
    const known = this.#entries.get(key);
    if (!known) {
      this.#entries.set(key, { fingerprint });
      const intended = this.#intended.get(key);
      const isSame = intended?.jobId !== undefined && intended.fingerprint === fingerprint;
      return { state: 'new', ...(isSame ? { jobId: intended.jobId } : {}) };
    }
    if (known.fingerprint !== fingerprint) return { state: 'other request' };
    const { jobId } = known;
    return jobId === undefined ? { state: 'in progress' } : { state: 'made', jobId };
  }

  async intend(key: string, jobId: string): Promise<boolean> {
    const entry = this.#entries.get(key);
    if (!entry || entry.jobId !== undefined) return false;
    this.#intended.set(key, { ...entry, jobId });
    return true;
  }

  async keep(key: string, jobId: string): Promise<boolean> {
    const entry = this.#entries.get(key);
    if (!entry || (entry.jobId ?? jobId) !== jobId) return false;
    entry.jobId = jobId;
    this.#intended.delete(key);
    this.#keysByJob.set(jobId, key);
    return true;
  }

  async release(key: string): Promise<void> {
    this.#entries.delete(key);
    this.#intended.delete(key);
  }

  async abandon(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async forget(jobId: string): Promise<void> {
    const key = this.#keysByJob.get(jobId);
    if (key === undefined) return;
    this.#keysByJob.delete(jobId);
    this.#entries.delete(key);
  }
}
