import { JsonText } from '../../utils/JsonText.js';
import { isJsonObject, type Json, stringifyJson, type WritableJson } from '../../utils/losslessJson.js';
import { PackedJson } from '../../utils/PackedJson.js';
import { detailedOutputs } from './jobOutputs.js';
import { NO_SUMMARY, type PromptSummary, sizeOfSummary, summarise } from './PromptSummary.js';
import { parseMessage } from './parseMessage.js';

/** The report after the end of the prompt. */
interface Packed {
  readonly messages: readonly (readonly [type: string, content: PackedJson])[];
  readonly outputs: PackedJson;
  /** The same ones if the details of a job show them as they are. */
  readonly details: PackedJson;
  readonly meta: PackedJson;
  readonly summary: PromptSummary;
}

/** What the history tells about the run of a prompt. */
export class PromptReport {
  #messages: { readonly type: string; readonly message: JsonText }[] = [];
  readonly #outputs = new Map<string, () => Json>();
  readonly #meta = new Map<string, Json>();
  #packed: Packed | undefined;

  /** Removes everything. */
  clear(): void {
    this.#messages = [];
    this.#outputs.clear();
    this.#meta.clear();
    this.#packed = undefined;
  }

  addMessage(type: string, text: string): void {
    this.#messages.push({ type, message: new JsonText(text, parseMessage) });
  }

  /** Adds the output of an `executed` message. */
  addExecuted(node: string, display: string, text: string): void {
    const message = new JsonText(text, parseMessage);
    this.addOutput(node, display, () => {
      const data = dataOf(message);
      return (isJsonObject(data) ? data.get('output') : undefined) ?? null;
    });
  }

  addOutput(node: string, display: string, output: () => Json): void {
    this.#outputs.set(node, output);
    const parent = display === node ? null : display;
    this.#meta.set(
      node,
      new Map<string, Json>([
        ['node_id', node],
        ['display_node', display],
        ['parent_node', parent],
        ['real_node_id', display],
      ]),
    );
  }

  /** Packs everything: nothing more is added. @returns bytes in memory */
  pack(): number {
    const messages = this.#messages.map(({ type, message }) => {
      const content = dataOf(message);
      return { type, content, packed: new PackedJson(content) };
    });
    const values = new Map([...this.#outputs].map(([id, output]) => [id, output()]));
    const outputs = new PackedJson(values);
    const details = detailsOf(values, outputs);
    const meta = new PackedJson(this.#meta);
    const summary = summarise(messages, values);
    this.clear();
    const entries = messages.map(({ type, packed }) => [type, packed] as const);
    this.#packed = { messages: entries, outputs, details, meta, summary };
    const kept = new Set([outputs, details, meta, ...messages.map(({ packed }) => packed)]);
    return [...kept].reduce((sum, { size }) => sum + size, sizeOfSummary(summary));
  }

  /** Outputs as the details of a job show them. Empty before the end. */
  get details(): WritableJson {
    return this.#packed?.details ?? new Map();
  }

  /** What the list of jobs shows after the end. */
  get summary(): PromptSummary {
    return this.#packed?.summary ?? NO_SUMMARY;
  }

  /** Its parts of an entry in the history. Empty before the end. */
  get written(): Readonly<Record<'messages' | 'outputs' | 'meta', WritableJson>> {
    const { messages = [], outputs = new Map(), meta = new Map() } = this.#packed ?? {};
    return { messages, outputs, meta };
  }
}

function dataOf({ value }: JsonText): Json {
  return (isJsonObject(value) ? value.get('data') : undefined) ?? null;
}

function detailsOf(outputs: ReadonlyMap<string, Json>, packed: PackedJson): PackedJson {
  const details = detailedOutputs(outputs);
  return stringifyJson(details) === packed.text ? packed : new PackedJson(details);
}
