import { isDeepStrictEqual } from 'node:util';
import { type Json, stringifyJson, type WritableJson } from '../../utils/losslessJson.js';
import {
  type MachineFrame,
  type MachineMessage,
  type MachinePreview,
  withNodeId,
} from '../comfyui/machineMessages.js';
import { isEndType, tellsBlocked } from '../comfyui/promptEnds.js';
import type { CompletedJob } from '../jobs/Job.js';
import { closingMessage, type JobEnd, type PromptEnd } from './endings.js';
import { errorForClient } from './errorForClient.js';
import { PromptFiles } from './PromptFiles.js';
import { PromptNames } from './PromptNames.js';
import type { PromptRecord } from './PromptRecord.js';
import { PromptReport } from './PromptReport.js';
import type { PromptSummary } from './PromptSummary.js';
import { resultOutputs } from './recordedOutputs.js';
import { NOTHING_SENT, type SentPrompt, sizeOfSent } from './SentPrompt.js';

/** Messages that the history contains, besides the one that ends the prompt. */
const KEPT = new Set(['execution_start', 'execution_cached']);

/** A prompt of a client from its acceptance on, with the messages about it in the client's ids. */
export class NativePrompt {
  readonly record: PromptRecord;
  readonly files: PromptFiles;
  /** The node that is executing, as ComfyUI reports it to a client that reconnects. */
  currentNode: string | undefined;
  /** Whether a machine has started it. */
  hasStarted = false;
  end: PromptEnd | undefined;
  #sent: SentPrompt;
  #size = 0;
  readonly #report = new PromptReport();
  readonly #names: PromptNames;
  /** Nodes that started on the current machine. */
  readonly #begun = new Set<string>();
  /** The latest output of each node that has executed, in the prompt with this mark. */
  readonly #executed = { mark: '', outputs: new Map<unknown, unknown>() };
  /** Last message of the machine about the end. */
  #held: MachineMessage | undefined;

  constructor(record: PromptRecord, sent: SentPrompt) {
    this.record = record;
    this.#sent = sent;
    this.#names = new PromptNames(record.id, record.jobId);
    this.files = new PromptFiles(this.#names);
  }

  /**
   * Handles a message of a machine.
   * @returns the message for the client, if any: an end is held back until the job has ended, because another machine
   * may retry it. A repeated `executed` is not for the client
   */
  hear(message: MachineMessage, mark: string): string | undefined {
    const { type, data } = message;
    const text = this.#textOf(message, mark);
    if (type === 'execution_start') this.#begin();
    // The first message may be missed.
    this.hasStarted = true;
    if (type === 'executing') {
      // It is sent when the job has ended.
      if (data['node'] === null) return undefined;
      this.files.addRunning(String(data['node']));
      this.currentNode = this.#nodeIn(data['node'], mark);
      if (this.currentNode !== undefined) this.#begun.add(this.currentNode);
    }
    // As in ComfyUI, the history does not contain it.
    if (tellsBlocked(message)) return text;
    // The job decides whether it ends the prompt.
    if (isEndType(type)) {
      this.#held = { ...message, text };
      return undefined;
    }
    if (KEPT.has(type)) this.#report.addMessage(type, text);
    if (type !== 'executed') return text;
    this.#onExecuted(message, text, mark);
    return this.#isRepeated(message, mark) ? undefined : text;
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
   * Handles the end of the job. What is kept for the history is packed.
   * @param now epoch ms
   * @returns the messages for the client, except `executing` without a node
   */
  finish(job: JobEnd, now: number): string[] {
    const told: string[] = [];
    if (job.status === 'completed') told.push(...this.#missedOutputs(job));
    const closing = closingMessage(job, {
      held: this.#held,
      promptId: this.record.id,
      graph: () => this.#sent.graph.value,
      node: this.currentNode,
      executed: [...this.#begun].filter((id) => id !== this.currentNode),
      now,
    });
    this.end = closing.end;
    this.currentNode = undefined;
    this.#held = undefined;
    this.#begun.clear();
    this.#executed.outputs.clear();
    this.#report.addMessage(closing.type, closing.text);
    this.#size = sizeOfSent(this.#sent) + this.#report.pack();
    return [...told, closing.text];
  }

  /** Bytes that an ended prompt takes for the history. */
  get size(): number {
    return this.#size;
  }

  /** Whether nothing is left to show in the queue and the history. */
  get isDropped(): boolean {
    return this.#sent === NOTHING_SENT;
  }

  /** Removes what only the queue and the history show. */
  drop(): void {
    this.#sent = NOTHING_SENT;
    this.#report.clear();
    this.#size = 0;
  }

  /** The graph and the `extra_data` as its client sent them. */
  get sent(): { readonly prompt: WritableJson; readonly extra_data: WritableJson } {
    const { graph, extraData } = this.#sent;
    return { prompt: graph, extra_data: extraData };
  }

  /** Id of the workflow on ComfyUI's page, if it was submitted there. */
  get workflowId(): Json | undefined {
    return this.#sent.workflowId;
  }

  /** Returns the entry in `/queue`, which is also the first part of its history. */
  listed(): WritableJson {
    const { number, id } = this.record;
    const { prompt, extra_data } = this.sent;
    return [number, id, prompt, extra_data, this.#sent.outputNodes];
  }

  /** Returns the entry in `/history`. */
  history(): WritableJson {
    const { outputs, meta } = this.#report.written;
    return new Map<string, WritableJson>([
      ['prompt', this.listed()],
      ['outputs', outputs],
      ['status', this.status],
      ['meta', meta],
    ]);
  }

  /** Outputs of its output nodes, as the details of a job show them. Empty before the end. */
  get details(): WritableJson {
    return this.#report.details;
  }

  /** How it ended, with its messages, as in the history. */
  get status(): WritableJson {
    return new Map<string, WritableJson>([
      ['status_str', this.end === 'success' ? 'success' : 'error'],
      ['completed', this.end === 'success'],
      ['messages', this.#report.written.messages],
    ]);
  }

  /** What the list of jobs shows about its run. Empty before the end. */
  get summary(): PromptSummary {
    return this.#report.summary;
  }

  /** Resets everything, because another machine starts the prompt from the beginning. */
  #begin(): void {
    this.#held = undefined;
    this.#report.clear();
    this.#begun.clear();
    this.files.clear();
  }

  /** Returns the message with the names of the client. */
  #textOf(message: MachineMessage, mark: string): string {
    if (message.type === 'executed') return this.files.add(message, mark);
    const sent = this.#names.forClient(message.text, message.promptId, mark);
    return message.type === 'execution_error' ? errorForClient(sent, this.#sent.graph.value) : sent;
  }

  #onExecuted(message: MachineMessage, text: string, mark: string): void {
    const node = this.#nodeIn(message.data['node'], mark);
    if (node === undefined) return;
    const display = this.#nodeIn(message.data['display_node'], mark) ?? node;
    this.#report.addExecuted(node, display, text);
  }

  /**
   * Whether the client has the message already. After a pause, two servers may follow the same prompt for a moment, and both may
   * report an output that they found in the machine's history. The two texts may differ.
   */
  #isRepeated({ data: { node, output } }: MachineMessage, mark: string): boolean {
    if (this.#executed.mark !== mark) this.#executed.outputs.clear();
    this.#executed.mark = mark;
    const { outputs } = this.#executed;
    if (outputs.has(node) && isDeepStrictEqual(outputs.get(node), output)) return true;
    outputs.set(node, output);
    return false;
  }

  #nodeIn(id: unknown, mark: string): string | undefined {
    return typeof id === 'string' ? this.#names.nodeForClient(id, mark) : undefined;
  }

  /** Returns messages for outputs that were made while there was no socket to the machine. */
  #missedOutputs(job: CompletedJob): string[] {
    const heard = this.files.nodes();
    return resultOutputs(job, this.#names, (id) => !heard.has(id)).map(({ nodeId, output, files }) => {
      for (const file of files) this.files.addMissed(file);
      this.#report.addOutput(nodeId, nodeId, () => output);
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
