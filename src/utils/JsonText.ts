import type { Json } from './losslessJson.js';
import { parseMachineJsonLosslessly } from './machineJson.js';

/** JSON of a machine that is parsed when its value is needed for the first time. */
export class JsonText {
  readonly text: string;
  readonly #maxDepth: number;
  #value: Json | undefined;

  /** @param maxDepth nesting depth of arrays and objects */
  constructor(text: string, maxDepth: number) {
    this.text = text;
    this.#maxDepth = maxDepth;
  }

  /** @throws SyntaxError for invalid or too deep JSON */
  get value(): Json {
    this.#value ??= parseMachineJsonLosslessly(this.text, { maxDepth: this.#maxDepth });
    return this.#value;
  }
}
