import { JsonText } from '../../utils/JsonText.js';
import { type Json, plainJson } from '../../utils/losslessJson.js';
import { parseMachineJsonLosslessly } from '../../utils/machineJson.js';
import { readNodeInfo } from '../files/machineNodes.js';
import type { NodeInfo } from '../files/nodeInfo.js';

/** ComfyUI nests no deeper. */
const LIMITS = { maxDepth: 64 };

/** A node class as a machine describes it. It is parsed when it is first needed: most classes never are. */
export class ClassInfo {
  readonly #said: JsonText;
  #info: { readonly value: NodeInfo | undefined } | undefined;

  /** @param text JSON of the machine */
  constructor(text: string) {
    this.#said = new JsonText(text, (said) => parseMachineJsonLosslessly(said, LIMITS));
  }

  /** The JSON text, with every digit. */
  get text(): string {
    return this.#said.text;
  }

  /** `null` if it is unreadable: nothing is known about such a class, apart from its name. */
  get json(): Json {
    try {
      return this.#said.value;
    } catch {
      return null;
    }
  }

  /** What the server reads of it. */
  get info(): NodeInfo | undefined {
    this.#info ??= { value: readNodeInfo(plainJson(this.json)) };
    return this.#info.value;
  }
}
