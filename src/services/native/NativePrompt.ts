import { isJsonObject, type Json, parseJson, stringifyJson } from '../../utils/losslessJson.js';
import type { MachineMessage, MachinePreview } from '../comfyui/machineMessages.js';
import type { FinishedJob } from '../jobs/Job.js';
import { closingMessage, type PromptEnd, resultOutputs } from './endings.js';
import { PromptFiles } from './PromptFiles.js';
import { PromptNames } from './PromptNames.js';
import type { PromptRecord } from './PromptRecord.js';

/** Messages that the history keeps, beside the one that ends the prompt. */
const KEPT = new Set(['execution_start', 'execution_cached']);
/** Messages that end a run on one machine. Whether they end the prompt, its job decides. */
const ENDS = new Set(['execution_success', 'execution_error', 'execution_interrupted']);
const MAX_DEPTH = 64;

/** One prompt of a client, from the moment it was accepted: what was heard of it, in its client's words. */
export class NativePrompt {
  readonly record: PromptRecord;
  readonly files: PromptFiles;
  /** The node at work, as ComfyUI tells it to a socket that comes back. */
  currentNode: string | undefined;
  /** Whether a machine has begun it. */
  hasStarted = false;
  end: PromptEnd | undefined;
  /** What the history says of it. */
  readonly #messages: Json[] = [];
  readonly #outputs = new Map<string, Json>();
  readonly #meta = new Map<string, Json>();
  readonly #names: PromptNames;
  /** Nodes that began to run on the machine that has it now. */
  readonly #begun = new Set<string>();
  /** What the machine said last of its end. */
  #held: MachineMessage | undefined;

  constructor(record: PromptRecord) {
    this.record = record;
    this.#names = new PromptNames(record.id, record.jobId);
    this.files = new PromptFiles(this.#names);
  }

  /**
   * Takes what a machine says.
   * @returns what its client is told now: an end is held back until the job has ended, which may go on elsewhere
   */
  hear(message: MachineMessage, mark: string): string | undefined {
    const { type, data } = message;
    const text = this.#names.forClient(message.text, message.promptId, mark);
    if (type === 'execution_start') this.#begin();
    if (type === 'executing') {
      // It is told when the job has ended.
      if (data['node'] === null) return undefined;
      this.currentNode = stringOf(dataOf(text), 'node');
      if (this.currentNode !== undefined) this.#begun.add(this.currentNode);
    }
    // As in ComfyUI, the history says nothing of it.
    if (isBlocked(message)) return text;
    if (ENDS.has(type)) {
      this.#held = { ...message, text };
      return undefined;
    }
    if (KEPT.has(type)) this.#messages.push([type, dataOf(text)]);
    if (type === 'executed') this.#onExecuted(message, text, mark);
    return text;
  }

  /** What a machine says of a preview, in the client's words. */
  previewMetadata({ metadata, promptId }: MachinePreview, mark: string): string | undefined {
    return metadata && this.#names.forClient(JSON.stringify(metadata), promptId, mark);
  }

  /**
   * Takes the end of the job.
   * @param now epoch ms
   * @returns what its client is told, but for `executing` with no node
   */
  finish(job: FinishedJob, now: number): string[] {
    const told: string[] = [];
    if (job.status === 'completed') told.push(...this.#missedOutputs(job));
    const closing = closingMessage(job, {
      held: this.#held,
      record: this.record,
      node: this.currentNode,
      executed: [...this.#begun].filter((id) => id !== this.currentNode),
      now,
    });
    this.end = closing.end;
    this.currentNode = undefined;
    const data = dataOf(closing.text);
    this.#messages.push([closing.type, data]);
    return [...told, closing.text];
  }

  /** As `/queue` lists it, and as the first part of its history. */
  listed(): Json {
    const { number, id, graph, extraData, outputNodes } = this.record;
    return [number, id, graph, extraData, outputNodes];
  }

  /** As `/history` tells it. */
  history(): Json {
    return new Map<string, Json>([
      ['prompt', this.listed()],
      ['outputs', this.#outputs],
      [
        'status',
        new Map<string, Json>([
          ['status_str', this.end === 'success' ? 'success' : 'error'],
          ['completed', this.end === 'success'],
          ['messages', this.#messages],
        ]),
      ],
      ['meta', this.#meta],
    ]);
  }

  /** What its output nodes made, as ComfyUI's interface shows it. */
  get outputs(): ReadonlyMap<string, Json> {
    return this.#outputs;
  }

  get messages(): readonly Json[] {
    return this.#messages;
  }

  /** Another machine begins from the beginning. */
  #begin(): void {
    this.hasStarted = true;
    this.#held = undefined;
    this.#messages.length = 0;
    this.#outputs.clear();
    this.#meta.clear();
    this.#begun.clear();
    this.files.clear();
  }

  #onExecuted(message: MachineMessage, text: string, mark: string): void {
    this.files.add(message, mark);
    const data = dataOf(text);
    const node = stringOf(data, 'node');
    if (node === undefined || !isJsonObject(data)) return;
    const display = stringOf(data, 'display_node') ?? node;
    this.#keepOutput(node, display, data.get('output') ?? null);
  }

  #keepOutput(node: string, display: string, output: Json): void {
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

  /** While there was no socket to the machine, its messages were lost. */
  #missedOutputs(job: FinishedJob & { status: 'completed' }): string[] {
    const heard = this.files.nodes();
    return resultOutputs(job, (nodeId) => !heard.has(nodeId)).map(({ nodeId, output, files }) => {
      for (const { place, index, made } of files) this.files.addMissed(place, index, made);
      this.#keepOutput(nodeId, nodeId, output);
      const data = new Map<string, Json>([
        ['node', nodeId],
        ['display_node', nodeId],
        ['output', output],
        ['prompt_id', this.record.id],
      ]);
      return stringifyJson(
        new Map<string, Json>([
          ['type', 'executed'],
          ['data', data],
        ]),
      );
    });
  }
}

/** A node refused to run its branch: the others go on. */
function isBlocked({ type, data }: MachineMessage): boolean {
  return type === 'execution_error' && data['exception_type'] === 'ExecutionBlocked';
}

function dataOf(text: string): Json {
  const message = parseJson(text, { maxDepth: MAX_DEPTH });
  return (isJsonObject(message) ? message.get('data') : undefined) ?? null;
}

function stringOf(data: Json, name: string): string | undefined {
  const value = isJsonObject(data) ? data.get(name) : undefined;
  return typeof value === 'string' ? value : undefined;
}
