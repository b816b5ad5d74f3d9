import { JsonText } from '../../utils/JsonText.js';
import { isJsonObject, type Json, type WritableJson } from '../../utils/losslessJson.js';
import { PackedJson } from '../../utils/PackedJson.js';
import { parseMessage } from './parseMessage.js';

/** The report after the end of the prompt. */
interface Packed {
  readonly messages: readonly { readonly type: string; readonly data: PackedJson }[];
  readonly outputs: PackedJson;
  readonly meta: PackedJson;
}

/** A message in the history. */
export type ReportedMessage = readonly [type: string, data: Json];

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
    const messages = this.#messages.map(({ type, message }) => ({
      type,
      data: new PackedJson(dataOf(message)),
    }));
    const outputs = new PackedJson(new Map([...this.#outputs].map(([id, output]) => [id, output()])));
    const meta = new PackedJson(this.#meta);
    this.clear();
    this.#packed = { messages, outputs, meta };
    return messages.reduce((sum, { data }) => sum + data.size, outputs.size + meta.size);
  }

  /** Messages after the end. */
  get messages(): readonly ReportedMessage[] {
    return (this.#packed?.messages ?? []).map(({ type, data }) => [type, data.value] as const);
  }

  /** Outputs of the output nodes, in the format of ComfyUI's interface. */
  get outputs(): ReadonlyMap<string, Json> {
    if (!this.#packed) return new Map([...this.#outputs].map(([id, output]) => [id, output()]));
    const { value } = this.#packed.outputs;
    return isJsonObject(value) ? value : new Map();
  }

  /** Its parts of an entry in the history. Empty before the end. */
  get written(): Readonly<Record<keyof Packed, WritableJson>> {
    const { messages, outputs, meta } = this.#packed ?? {};
    return {
      messages: (messages ?? []).map(({ type, data }) => [type, data.serialised]),
      outputs: outputs?.serialised ?? new Map(),
      meta: meta?.serialised ?? new Map(),
    };
  }
}

function dataOf({ value }: JsonText): Json {
  return (isJsonObject(value) ? value.get('data') : undefined) ?? null;
}
