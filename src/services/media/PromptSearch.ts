import { MARK_INPUT } from '../comfyui/ownOutputs.js';

/** Bytes of a part that are searched again with the next part: what is searched for may be at the border of the two. */
const OVERLAP = 256;

/** The key of a node's class, which each node of a prompt has. */
const CLASS_TYPE = wantedIn('class_type');
const MARKS = wantedIn(MARK_INPUT);

/**
 * The mark of a prompt, which each of its output nodes has as an input. In a JSON text within another one, quotation marks
 * are escaped.
 */
const MARK = new RegExp(
  String.raw`"${MARK_INPUT}_*\\*":\s*\\*"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\\*"`,
);

/**
 * Searches the metadata of a file for the prompt that made it. Formats store texts as UTF-8, UTF-16 or Latin-1; all that is searched
 * for is ASCII.
 */
export class PromptSearch {
  readonly #own: readonly Buffer[];
  #end = Buffer.alloc(0);
  #isOwn = false;
  #hasPrompt = false;
  #hasMark = false;

  /** @param mark of the prompt that must have made the file */
  constructor(mark: string) {
    this.#own = wantedIn(mark);
  }

  /** Searches the next part of the metadata. */
  readonly see = (part: Buffer): void => {
    if (this.#isOwn) return;
    const bytes = this.#end.length === 0 ? part : Buffer.concat([this.#end, part]);
    this.#isOwn = isIn(bytes, this.#own);
    this.#hasPrompt ||= isIn(bytes, CLASS_TYPE);
    this.#hasMark ||= isIn(bytes, MARKS) && MARK.test(asciiOf(bytes));
    this.#end = Buffer.from(bytes.subarray(-OVERLAP));
  };

  /** Whether there is a prompt, and it is another one. */
  get isOfAnother(): boolean {
    return !this.#isOwn && this.#hasPrompt;
  }

  /** Whether there is a prompt of this server, and it is another one. */
  get isOfAnotherMark(): boolean {
    return !this.#isOwn && this.#hasMark;
  }
}

/** The text in each encoding. In UTF-16, without the last byte, so that both byte orders have it. */
function wantedIn(text: string): readonly Buffer[] {
  return [Buffer.from(text), Buffer.from(text, 'utf16le').subarray(0, -1)];
}

function isIn(bytes: Buffer, wanted: readonly Buffer[]): boolean {
  return wanted.some((one) => bytes.includes(one));
}

function asciiOf(bytes: Buffer): string {
  return bytes.toString('latin1').replaceAll('\0', '');
}
