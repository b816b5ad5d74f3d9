import { JsonText } from '../../utils/JsonText.js';
import { isJsonObject, type Json, stringifyJson } from '../../utils/losslessJson.js';
import {
  type MachineFrame,
  type MachineMessage,
  type MachinePreview,
  withNodeId,
} from '../comfyui/machineMessages.js';
import type { CompletedJob } from '../jobs/Job.js';
import { closingMessage, type JobEnd, type PromptEnd } from './endings.js';
import { errorForClient } from './errorForClient.js';
import { PromptFiles } from './PromptFiles.js';
import { PromptNames } from './PromptNames.js';
import type { PromptRecord } from './PromptRecord.js';
import { parseMessage } from './parseMessage.js';
import { resultOutputs } from './recordedOutputs.js';

/** Messages that the history contains, besides the one that ends the prompt. */
const KEPT = new Set(['execution_start', 'execution_cached']);
/** Messages that end a run on one machine. The job decides whether they end the prompt. */
const ENDS = new Set(['execution_success', 'execution_error', 'execution_interrupted']);

/** A prompt of a client from its acceptance on, with the messages about it in the client's ids. */
export class NativePrompt {
  readonly record: PromptRecord;
  readonly files: PromptFiles;
  /** The node that is executing, as ComfyUI reports it to a client that reconnects. */
  currentNode: string | undefined;
  /** Whether a machine has started it. */
  hasStarted = false;
  end: PromptEnd | undefined;
  /** Messages in the history. */
  readonly #messages: { readonly type: string; readonly message: JsonText }[] = [];
  readonly #outputs = new Map<string, () => Json>();
  readonly #meta = new Map<string, Json>();
  readonly #names: PromptNames;
  /** Nodes that started on the current machine. */
  readonly #begun = new Set<string>();
  /** Last message of the machine about the end. */
  #held: MachineMessage | undefined;

  constructor(record: PromptRecord) {
    this.record = record;
    this.#names = new PromptNames(record.id, record.jobId);
    this.files = new PromptFiles(this.#names);
  }

  /**
   * Handles a message of a machine.
   * @returns the message for the client, if any: an end is held back until the job has ended, because another machine
   * may retry it
   */
  hear(message: MachineMessage, mark: string): string | undefined {
    const { type, data } = message;
    const sent = this.#names.forClient(message.text, message.promptId, mark);
    const text = this.#textOf(message, mark, sent);
    if (type === 'execution_start') this.#begin();
    // The first message may be missed.
    this.hasStarted = true;
    if (type === 'executing') {
      // It is sent when the job has ended.
      if (data['node'] === null) return undefined;
      this.currentNode = this.#nodeIn(data['node'], mark);
      if (this.currentNode !== undefined) this.#begun.add(this.currentNode);
    }
    // As in ComfyUI, the history does not contain it.
    if (isBlocked(message)) return text;
    if (ENDS.has(type)) {
      this.#held = { ...message, text };
      return undefined;
    }
    if (KEPT.has(type)) this.#keepMessage(type, text);
    if (type === 'executed') this.#onExecuted(message, text, mark);
    return text;
  }

  /** Returns the machine's metadata of a preview with the ids of the client. */
  previewMetadata({ metadata, promptId }: MachinePreview, mark: string): string | undefined {
    return metadata && this.#names.forClient(metadata.text, promptId, mark);
  }

  /** Returns the machine's frame with the ids of the client. */
  frame({ bytes }: MachineFrame, mark: string): Buffer {
    return withNodeId(bytes, (id) => this.#names.nodeForClient(id, mark));
  }

  /**
   * Handles the end of the job.
   * @param now epoch ms
   * @returns the messages for the client, except `executing` without a node
   */
  finish(job: JobEnd, now: number): string[] {
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
    this.#keepMessage(closing.type, closing.text);
    return [...told, closing.text];
  }

  /** Returns the entry in `/queue`, which is also the first part of its history. */
  listed(): Json {
    const { number, id, graph, extraData, outputNodes } = this.record;
    return [number, id, graph, extraData, outputNodes];
  }

  /** Returns the entry in `/history`. */
  history(): Json {
    return new Map<string, Json>([
      ['prompt', this.listed()],
      ['outputs', this.outputs],
      ['status', this.status],
      ['meta', this.#meta],
    ]);
  }

  /** Outputs of its output nodes, in the format of ComfyUI's interface. */
  get outputs(): ReadonlyMap<string, Json> {
    return new Map([...this.#outputs].map(([id, output]) => [id, output()]));
  }

  /** How it ended, with its messages, as in the history. */
  get status(): Json {
    return new Map<string, Json>([
      ['status_str', this.end === 'success' ? 'success' : 'error'],
      ['completed', this.end === 'success'],
      ['messages', this.messages],
    ]);
  }

  get messages(): readonly (readonly [type: string, data: Json])[] {
    return this.#messages.map(({ type, message }) => [type, dataOf(message)] as const);
  }

  /** Resets everything, because another machine starts the prompt from the beginning. */
  #begin(): void {
    this.#held = undefined;
    this.#messages.length = 0;
    this.#outputs.clear();
    this.#meta.clear();
    this.#begun.clear();
    this.files.clear();
  }

  /** @param sent the message with the ids of the client */
  #textOf(message: MachineMessage, mark: string, sent: string): string {
    if (message.type === 'executed') return this.files.add(message, mark, sent);
    return message.type === 'execution_error' ? errorForClient(sent, this.record.graph) : sent;
  }

  #onExecuted(message: MachineMessage, text: string, mark: string): void {
    const node = this.#nodeIn(message.data['node'], mark);
    if (node === undefined) return;
    const display = this.#nodeIn(message.data['display_node'], mark) ?? node;
    const said = new JsonText(text, parseMessage);
    this.#keepOutput(node, display, () => {
      const data = dataOf(said);
      return (isJsonObject(data) ? data.get('output') : undefined) ?? null;
    });
  }

  #nodeIn(id: unknown, mark: string): string | undefined {
    return typeof id === 'string' ? this.#names.nodeForClient(id, mark) : undefined;
  }

  #keepMessage(type: string, text: string): void {
    this.#messages.push({ type, message: new JsonText(text, parseMessage) });
  }

  #keepOutput(node: string, display: string, output: () => Json): void {
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

  /** Returns messages for outputs that were made while there was no socket to the machine. */
  #missedOutputs(job: CompletedJob): string[] {
    const heard = this.files.nodes();
    return resultOutputs(job, this.#names, (id) => !heard.has(id)).map(({ nodeId, output, files }) => {
      for (const file of files) this.files.addMissed(file);
      this.#keepOutput(nodeId, nodeId, () => output);
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

/** Whether a node refused to run its branch; the other branches continue. */
function isBlocked({ type, data }: MachineMessage): boolean {
  return type === 'execution_error' && data['exception_type'] === 'ExecutionBlocked';
}

function dataOf({ value }: JsonText): Json {
  return (isJsonObject(value) ? value.get('data') : undefined) ?? null;
}
