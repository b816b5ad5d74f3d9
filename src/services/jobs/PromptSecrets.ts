import { v4 as uuid } from 'uuid';
import type { Json } from '../../utils/losslessJson.js';
import type { JobEvents } from '../queue/JobEvents.js';

type ExtraData = ReadonlyMap<string, Json>;

/** Entries of `extra_data` with which ComfyUI's API nodes pay: a key of the client's, and a login. */
const SECRET_ENTRIES: ReadonlySet<string> = new Set(['api_key_comfy_org', 'auth_token_comfy_org']);

/**
 * What of a client's `extra_data` is written nowhere: not to a record, a store, a log or an answer. It is in this process's
 * memory until its job ends.
 *
 * A job that goes on to another machine takes it along. A job that another server runs has it no more: where servers share
 * jobs, a node that needs the key fails there with ComfyUI's own message.
 */
export class PromptSecrets {
  readonly #kept = new Map<string, ExtraData>();

  constructor(events: JobEvents) {
    events.subscribe('finished', ({ request: { secrets } }) => {
      if (secrets !== undefined) this.drop(secrets);
    });
  }

  /**
   * Takes the secrets out.
   * @returns the rest, and the name by which the job finds what was taken out, where that is anything
   */
  takeFrom(extraData: ExtraData): { readonly rest: ExtraData; readonly name: string | undefined } {
    const secrets = [...extraData].filter(([entry]) => SECRET_ENTRIES.has(entry));
    if (secrets.length === 0) return { rest: extraData, name: undefined };
    const name = uuid();
    this.#kept.set(name, new Map(secrets));
    return { rest: withoutSecrets(extraData), name };
  }

  /** Empty where this server does not have them. */
  get(name: string | undefined): ExtraData {
    return (name === undefined ? undefined : this.#kept.get(name)) ?? new Map();
  }

  /** No job needs them. */
  drop(name: string): void {
    this.#kept.delete(name);
  }
}

/** What may be shown. */
export function withoutSecrets(extraData: ExtraData): ExtraData {
  return new Map([...extraData].filter(([entry]) => !SECRET_ENTRIES.has(entry)));
}
