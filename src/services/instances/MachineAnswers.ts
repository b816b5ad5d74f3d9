import { AppError, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import { keepNewest } from '../../utils/keepNewest.js';
import type { Logger } from '../../utils/logger.js';
import type { Instance } from './Instance.js';

/** The response of a machine with many node packs has some 5 MB. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Maximum number of cached paths. */
const MAX_PATHS = 200;

export interface AnswersOptions {
  /** Age from which a response is requested again, ms. Until then, and while that request runs, the cached one is used. */
  readonly freshMs: number;
  /** Age from which a cached response is no longer used, unless no machine is healthy, ms. */
  readonly maxAgeMs: number;
  /** `Retry-After` for a client when no machine is healthy, seconds. */
  readonly retryAfterSeconds: number;
}

/** Response of one machine, with what was read from it. */
interface Said<T> {
  readonly path: string;
  readonly instance: Instance;
  readonly text: string;
  readonly value: T;
}

interface Known<T> {
  readonly values: readonly T[];
  /** Epoch ms. */
  readonly at: number;
}

/** Responses of the healthy machines to `GET` of a path, cached for a short while: clients request megabytes at each start. */
export class MachineAnswers<T> {
  readonly #instances: readonly Instance[];
  readonly #read: (text: string) => T;
  readonly #options: AnswersOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #known = new Map<string, Known<T>>();
  readonly #asking = new Map<string, Promise<readonly T[]>>();
  /** By path and host. */
  readonly #said = new Map<string, Said<T>>();

  /** @param read reads a response of status 200. Throws for one that is invalid, which is then ignored */
  constructor(
    instances: readonly Instance[],
    read: (text: string) => T,
    options: AnswersOptions,
    clock: Clock,
    logger: Logger,
  ) {
    this.#instances = instances;
    this.#read = read;
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The healthy instances, in the order of the configuration. */
  get healthy(): readonly Instance[] {
    return this.#instances.filter((instance) => instance.isHealthy);
  }

  /** Returns the first healthy machine. @throws AppError `NO_HEALTHY_INSTANCES` */
  first(): Instance {
    const [first] = this.healthy;
    if (first) return first;
    throw this.unavailable('No ComfyUI instance is healthy.');
  }

  /** The error for a client that may try again later. */
  unavailable(message: string, cause?: unknown): AppError {
    const { retryAfterSeconds } = this.#options;
    return new AppError('NO_HEALTHY_INSTANCES', message, { retryAfterSeconds, cause });
  }

  /**
   * Returns what was read from each healthy machine's response of status 200. Returns the same array until a response changes.
   * @throws AppError `NO_HEALTHY_INSTANCES`
   */
  async get(path: string): Promise<readonly T[]> {
    const known = this.#known.get(path);
    const age = known ? this.#clock.now() - known.at : Number.POSITIVE_INFINITY;
    if (known && age <= this.#options.freshMs) return known.values;
    const asking = this.#ask(path);
    if (known && (age <= this.#options.maxAgeMs || this.healthy.length === 0)) {
      asking.catch(() => undefined);
      return known.values;
    }
    return asking;
  }

  /** Asks the machines again at the next request. */
  forget(path: string): void {
    this.#known.delete(path);
  }

  #ask(path: string): Promise<readonly T[]> {
    const asking = this.#asking.get(path) ?? this.#askAll(path).finally(() => this.#asking.delete(path));
    this.#asking.set(path, asking);
    return asking;
  }

  async #askAll(path: string): Promise<readonly T[]> {
    this.first();
    const said = await Promise.all(this.healthy.map((instance) => this.#askOne(instance, path)));
    const values = said.filter((one) => one !== undefined);
    const known = this.#known.get(path)?.values;
    const isSame = known?.length === values.length && values.every((one, n) => one === known[n]);
    return this.#remember(path, isSame ? known : values);
  }

  #remember(path: string, values: readonly T[]): readonly T[] {
    const oldest = keepNewest(this.#known, path, { values, at: this.#clock.now() }, MAX_PATHS);
    for (const [key, said] of [...this.#said]) {
      if (said.path === oldest || !this.#instances.includes(said.instance)) this.#said.delete(key);
    }
    return values;
  }

  async #askOne(instance: Instance, path: string): Promise<T | undefined> {
    const key = `${path} ${instance.host}`;
    try {
      const { status, bytes } = await instance.client.ask(path, MAX_BYTES);
      if (status === 200) return this.#take(key, { path, instance, text: bytes.toString() });
      if (status < 500) this.#said.delete(key);
    } catch (error) {
      const fields = { instance: instance.host, path, error: messageOf(error) };
      this.#logger.debug('An instance does not tell what it has', fields);
    }
    // A machine that fails for a moment still has its nodes.
    return this.#said.get(key)?.value;
  }

  /** Reads a response, unless this machine or another one sent the same before. */
  #take(key: string, said: Omit<Said<T>, 'value'>): T {
    const same = [...this.#said.values()].find(({ path, text }) => path === said.path && text === said.text);
    const value = same ? same.value : this.#read(said.text);
    this.#said.set(key, { ...said, text: same?.text ?? said.text, value });
    return value;
  }
}
