import type { Json } from './losslessJson.js';

/** JSON that is parsed when its value is needed for the first time. */
export class JsonText {
  readonly text: string;
  readonly #parse: (text: string) => Json;
  #value: Json | undefined;

  constructor(text: string, parse: (text: string) => Json) {
    this.text = text;
    this.#parse = parse;
  }

  /** @throws the error of the parser */
  get value(): Json {
    this.#value ??= this.#parse(this.text);
    return this.#value;
  }
}
