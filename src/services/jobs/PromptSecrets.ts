import { v4 as uuid } from 'uuid';
import type { Json } from '../../utils/losslessJson.js';
import type { JobEvents } from '../queue/JobEvents.js';
import { isFinished, type Job } from './Job.js';

type ExtraData = ReadonlyMap<string, Json>;

/** Entries of `extra_data` that ComfyUI's API nodes use for payment: a client's key, and a login. */
const SECRET_ENTRIES: ReadonlySet<string> = new Set(['api_key_comfy_org', 'auth_token_comfy_org']);

/**
 * Keeps the secrets of a client's `extra_data`, which are not written to any record, store, log or response. They are in this
 * process's memory until their job ends or is removed.
 *
 * A job that is retried on another machine keeps them. A job that another server runs does not have them: if servers share jobs,
 * a node that needs the key fails there with ComfyUI's own message.
 */
export class PromptSecrets {
  readonly #kept = new Map<string, ExtraData>();
  readonly #events: JobEvents;
  /** Functions that stop following the jobs, by the names of the secrets. */
  readonly #following = new Map<string, () => void>();

  constructor(events: JobEvents) {
    this.#events = events;
    events.subscribe('finished', ({ request: { secrets } }) => {
      if (secrets !== undefined) this.drop(secrets);
    });
  }

  /**
   * Removes the secrets from `extra_data`.
   * @returns the rest, and the name by which the job finds its secrets, if there are any
   */
  takeFrom(extraData: ExtraData): { readonly rest: ExtraData; readonly name: string | undefined } {
    const secrets = [...extraData].filter(([entry]) => SECRET_ENTRIES.has(entry));
    if (secrets.length === 0) return { rest: extraData, name: undefined };
    const name = uuid();
    this.#kept.set(name, new Map(secrets));
    return { rest: withoutSecrets(extraData), name };
  }

  /** Drops secrets when this job has ended or been removed, also if the message about it was missed or its record was lost. */
  async keepFor({ id }: Pick<Job, 'id'>, name: string): Promise<void> {
    const onJob = (job: Job) => {
      if (isFinished(job)) this.drop(name);
    };
    const stop = await this.#events.follow(id, onJob, () => this.drop(name));
    if (this.#kept.has(name)) this.#following.set(name, stop);
    else stop();
  }

  /** Empty if this server does not have them. */
  get(name: string | undefined): ExtraData {
    return (name === undefined ? undefined : this.#kept.get(name)) ?? new Map();
  }

  /** Deletes secrets that no job needs anymore. */
  drop(name: string): void {
    this.#kept.delete(name);
    this.#following.get(name)?.();
    this.#following.delete(name);
  }
}

/** Returns `extra_data` without secrets, for display. */
export function withoutSecrets(extraData: ExtraData): ExtraData {
  return new Map([...extraData].filter(([entry]) => !SECRET_ENTRIES.has(entry)));
}
