import type { AppError } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Json } from '../../utils/losslessJson.js';
import { parseMachineJsonLosslessly } from '../../utils/machineJson.js';
import { choicesOf } from '../../workflows/files/nodeInfo.js';
import {
  mergeObjectInfo,
  type ObjectInfo,
  readObjectInfo,
} from '../../workflows/objectInfo/mergeObjectInfo.js';
import type { Instance } from './Instance.js';
import { type AnswersOptions, MachineAnswers } from './MachineAnswers.js';

const CLASSES = '/object_info';
const MAX_DEPTH = 64;

/** Combines what the healthy machines report about themselves, as if they were one machine. */
export class FleetInfo {
  readonly #answers: MachineAnswers<Json>;
  readonly #classes: MachineAnswers<ObjectInfo>;
  #merged: { readonly from: readonly ObjectInfo[]; readonly info: ObjectInfo } | undefined;

  constructor(instances: readonly Instance[], options: AnswersOptions, clock: Clock, logger: Logger) {
    this.#answers = new MachineAnswers(
      instances,
      (text) => parseMachineJsonLosslessly(text, { maxDepth: MAX_DEPTH }),
      options,
      clock,
      logger,
    );
    this.#classes = new MachineAnswers(instances, readObjectInfo, options, clock, logger);
  }

  /** The healthy instances, in the order of the configuration. */
  get healthy(): readonly Instance[] {
    return this.#answers.healthy;
  }

  /** Returns the machine for requests that are not about prompts. @throws AppError `NO_HEALTHY_INSTANCES` */
  first(): Instance {
    return this.#answers.first();
  }

  /** Returns the error for a client that may try again when machines respond. */
  unavailable(message: string, cause?: unknown): AppError {
    return this.#answers.unavailable(message, cause);
  }

  /**
   * Returns every node class of any machine.
   * @throws AppError `NO_HEALTHY_INSTANCES` if no machine is healthy, or none describes its nodes
   */
  async objectInfo(): Promise<ObjectInfo> {
    const answers = await this.#classes.get(CLASSES);
    if (answers.length === 0) {
      // Every machine has nodes: the next request asks again.
      this.#classes.forget(CLASSES);
      throw this.#classes.unavailable('No ComfyUI instance describes its nodes.');
    }
    if (this.#merged?.from !== answers) this.#merged = { from: answers, info: mergeObjectInfo(answers) };
    return this.#merged.info;
  }

  /**
   * Returns whether every machine with a class lists a value among the choices of an input.
   * @throws AppError `NO_HEALTHY_INSTANCES`
   */
  async isEverywhere(classType: string, input: string, value: string): Promise<boolean> {
    const infos = (await this.#classes.get(CLASSES)).flatMap((classes) => classes.get(classType) ?? []);
    return infos.every(({ info }) => choicesOf(info, input)?.includes(value) === true);
  }

  /**
   * Returns the entries of all machines' lists without duplicates; `undefined` if no machine has such a list.
   * @throws AppError `NO_HEALTHY_INSTANCES`
   */
  async list(path: string): Promise<readonly Json[] | undefined> {
    const lists = (await this.answers(path)).filter(isList);
    return lists.length === 0 ? undefined : [...new Set(lists.flat())];
  }

  /** Returns the JSON that each healthy machine sends for `GET` of a path with status 200. @throws AppError `NO_HEALTHY_INSTANCES` */
  answers(path: string): Promise<readonly Json[]> {
    return this.#answers.get(path);
  }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
