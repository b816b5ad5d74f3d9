/** A number that JavaScript would change or print in another way: `18446744073709551615`, `1.0`, `1e3`. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** JSON that says what its text said: objects keep the order of their keys, numbers every digit. */
export type Json =
  | null
  | boolean
  | string
  | number
  | NumberText
  | readonly Json[]
  | ReadonlyMap<string, Json>;

/** What may stand between two tokens. */
const BLANKS = /[ \t\r\n]*/y;
const WORD = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Parses JSON without the losses of `JSON.parse`.
 * @throws SyntaxError for what is no JSON, or is nested more deeply than `maxDepth`
 */
export function parseJson(text: string, { maxDepth }: { readonly maxDepth: number }): Json {
  const reader = new Reader(text, maxDepth);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  value(depth: number): Json {
    if (depth > this.#maxDepth) throw this.#error('nested too deeply');
    switch (this.#next()) {
      case '{':
        return new Map(this.#items('}', () => this.#entry(depth + 1)));
      case '[':
        return this.#items(']', () => this.value(depth + 1));
      case '"':
        return this.#string();
      default:
        return this.#word();
    }
  }

  end(): void {
    if (this.#next() !== undefined) throw this.#error('more than one value');
  }

  /** The next character that is not blank, which is not yet taken. */
  #next(): string | undefined {
    const next = this.#text[this.#at];
    if (next === undefined || next > ' ') return next;
    this.#match(BLANKS);
    return this.#text[this.#at];
  }

  #items<Item>(close: string, item: () => Item): Item[] {
    this.#at += 1;
    const items: Item[] = [];
    if (this.#next() === close) {
      this.#at += 1;
      return items;
    }
    for (;;) {
      items.push(item());
      const next = this.#next();
      this.#at += 1;
      if (next === close) return items;
      if (next !== ',') throw this.#error(`expected , or ${close}`);
    }
  }

  #entry(depth: number): [string, Json] {
    if (this.#next() !== '"') throw this.#error('expected a key');
    const key = this.#string();
    if (this.#next() !== ':') throw this.#error('expected :');
    this.#at += 1;
    return [key, this.value(depth)];
  }

  /** A string ends at a quote with an even number of backslashes before it. */
  #string(): string {
    let end = this.#at;
    for (let isEscaped = true; isEscaped; ) {
      end = this.#text.indexOf('"', end + 1);
      if (end < 0) throw this.#error('a string does not end');
      let before = end - 1;
      while (this.#text[before] === '\\') before -= 1;
      isEscaped = (end - before) % 2 === 0;
    }
    const quoted = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    return JSON.parse(quoted) as string;
  }

  #word(): Json {
    const word = this.#match(WORD);
    if (word === '') throw this.#error('unexpected character');
    const value = JSON.parse(word) as number | boolean | null;
    return typeof value !== 'number' || String(value) === word ? value : new NumberText(word);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ''] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }

  #error(message: string): SyntaxError {
    return new SyntaxError(`${message} at character ${this.#at}`);
  }
}
