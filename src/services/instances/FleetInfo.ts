import { createHash } from 'node:crypto';
import { AppError, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { keepNewest } from '../../utils/keepNewest.js';
import type { Logger } from '../../utils/logger.js';
import { isJsonObject, type Json, parseJson } from '../../utils/losslessJson.js';
import { mergeObjectInfo, type ObjectInfo } from '../../workflows/objectInfo/mergeObjectInfo.js';
import type { Instance } from './Instance.js';

/** The response of a machine with many node packs has some 5 MB. */
const MAX_BYTES = 64 * 1024 * 1024;
const MAX_DEPTH = 64;
/** Maximum number of cached paths. */
const MAX_PATHS = 200;

export interface FleetInfoOptions {
  /** Age from which a response is requested again, ms. Until then, and while that request runs, the cached one is used. */
  readonly freshMs: number;
  /** Age from which a cached response is no longer used, unless no machine is healthy, ms. */
  readonly maxAgeMs: number;
  /** `Retry-After` for a client when no machine is healthy, seconds. */
  readonly retryAfterSeconds: number;
}

/** Response of one machine, with its hash. */
interface Said {
  readonly hash: string;
  readonly json: Json;
}

interface Known<T> {
  value: T;
  /** Epoch ms. */
  at: number;
}

/**
 * Combines what the healthy machines report about themselves, as if they were one machine. Responses are cached for a
 * short while: clients request megabytes at each start.
 */
export class FleetInfo {
  readonly #instances: readonly Instance[];
  readonly #options: FleetInfoOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #known = new Map<string, Known<readonly Json[]>>();
  readonly #asking = new Map<string, Promise<readonly Json[]>>();
  /** By path and host. */
  readonly #said = new Map<string, Said>();
  #merged: { readonly from: readonly Json[]; readonly info: ObjectInfo } | undefined;

  constructor(instances: readonly Instance[], options: FleetInfoOptions, clock: Clock, logger: Logger) {
    this.#instances = instances;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The healthy instances, in the order of the configuration. */
  get healthy(): readonly Instance[] {
    return this.#instances.filter((instance) => instance.isHealthy);
  }

  /** Returns the machine for requests that are not about prompts. @throws AppError `NO_HEALTHY_INSTANCES` */
  first(): Instance {
    const [first] = this.healthy;
    if (first) return first;
    const { retryAfterSeconds } = this.#options;
    throw new AppError('NO_HEALTHY_INSTANCES', 'No ComfyUI instance is healthy.', { retryAfterSeconds });
  }

  /** Returns every node class of any machine. @throws AppError `NO_HEALTHY_INSTANCES` */
  async objectInfo(): Promise<ObjectInfo> {
    const answers = await this.answers('/object_info');
    if (this.#merged?.from !== answers) {
      this.#merged = { from: answers, info: mergeObjectInfo(answers.filter(isJsonObject)) };
    }
    return this.#merged.info;
  }

  /**
   * Returns the entries of all machines' lists without duplicates; `undefined` if no machine has such a list.
   * @throws AppError `NO_HEALTHY_INSTANCES`
   */
  async list(path: string): Promise<readonly Json[] | undefined> {
    const lists = (await this.answers(path)).filter(isList);
    return lists.length === 0 ? undefined : [...new Set(lists.flat())];
  }

  /**
   * Returns the JSON that each healthy machine sends for `GET` of a path with status 200. Returns the same array until
   * a response changes.
   * @throws AppError `NO_HEALTHY_INSTANCES`
   */
  async answers(path: string): Promise<readonly Json[]> {
    const known = this.#known.get(path);
    const age = known ? this.#clock.now() - known.at : Number.POSITIVE_INFINITY;
    if (known && age <= this.#options.freshMs) return known.value;
    const asking = this.#ask(path);
    if (known && (age <= this.#options.maxAgeMs || this.healthy.length === 0)) {
      asking.catch(() => undefined);
      return known.value;
    }
    return asking;
  }

  #ask(path: string): Promise<readonly Json[]> {
    const asking = this.#asking.get(path) ?? this.#askAll(path).finally(() => this.#asking.delete(path));
    this.#asking.set(path, asking);
    return asking;
  }

  async #askAll(path: string): Promise<readonly Json[]> {
    this.first();
    const said = await Promise.all(this.healthy.map((instance) => this.#askOne(instance, path)));
    const value = said.filter((one) => one !== undefined);
    const known = this.#known.get(path);
    const isSame = known?.value.length === value.length && value.every((one, n) => one === known.value[n]);
    this.#remember(path, isSame && known ? known.value : value);
    return this.#known.get(path)?.value ?? value;
  }

  #remember(path: string, value: readonly Json[]): void {
    const oldest = keepNewest(this.#known, path, { value, at: this.#clock.now() }, MAX_PATHS);
    if (oldest === undefined) return;
    for (const key of [...this.#said.keys()]) if (key.startsWith(`${oldest} `)) this.#said.delete(key);
  }

  /** Parses the megabytes again only if they changed. */
  async #askOne(instance: Instance, path: string): Promise<Json | undefined> {
    try {
      const { status, bytes } = await instance.client.ask(path, MAX_BYTES);
      if (status !== 200) return undefined;
      const key = `${path} ${instance.host}`;
      const hash = createHash('sha1').update(bytes).digest('base64');
      const known = this.#said.get(key);
      if (known?.hash === hash) return known.json;
      const json = parseJson(bytes.toString(), { maxDepth: MAX_DEPTH });
      this.#said.set(key, { hash, json });
      return json;
    } catch (error) {
      const fields = { instance: instance.host, path, error: messageOf(error) };
      this.#logger.debug('An instance does not tell what it has', fields);
      return undefined;
    }
  }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
