import { v4 as uuid } from 'uuid';
import { AppError, type ErrorCode, messageOf } from '../../errors.js';
import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import type { Json } from '../../utils/losslessJson.js';
import { PackedJson } from '../../utils/PackedJson.js';
import { GRAPH_TYPE } from '../../workflows/graphNeeds.js';
import { type PromptRefusal, refuse } from '../../workflows/objectInfo/checkPrompt.js';
import type { NodeErrors } from '../../workflows/objectInfo/PromptCheck.js';
import { type FinishedJob, isFinished, type Job } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { JobMessages } from '../jobs/JobMessages.js';
import type { GraphSubmissions } from '../submissions/GraphSubmissions.js';
import type { FileCaller } from './CallerFiles.js';
import type { ClientSocket } from './ClientSocket.js';
import type { ClientSockets } from './ClientSockets.js';
import { NativePrompt } from './NativePrompt.js';
import type { PromptIntake, TakenPrompt } from './PromptIntake.js';
import { PromptListener } from './PromptListener.js';
import type { PromptShelf } from './PromptShelf.js';
import type { QueueStatus } from './QueueStatus.js';
import { type SentPrompt, workflowIdOf } from './SentPrompt.js';

/** The body of `POST /prompt`, with its sender. */
export interface PromptSubmission extends FileCaller {
  readonly prompt: ReadonlyMap<string, Json>;
  /** The id that the client chose. */
  readonly promptId: string | undefined;
  readonly clientId: string | undefined;
  /** Ids of the only output nodes that may run; all if undefined. */
  readonly targets: ReadonlySet<string> | undefined;
  readonly extraData: ReadonlyMap<string, Json>;
  /** The sender, as limits count clients. */
  readonly client: string;
  readonly isAdmin: boolean;
  /** Place in the queue that the client chose, if any. Negative numbers come before prompts without one. */
  readonly number: number | undefined;
  /** Whether the client wants it to run before all others. */
  readonly isFirst: boolean;
  /** Priority of the job. */
  readonly priority: number;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** Errors of prompts that ComfyUI would not accept: one needs what no machine has, or a file vanished after the check. */
const UNUSABLE: ReadonlySet<ErrorCode> = new Set(['INVALID_WORKFLOW', 'INPUT_UNREACHABLE']);

interface AcceptedPrompt {
  readonly prompt: NativePrompt;
  readonly nodeErrors: ReadonlyMap<string, NodeErrors>;
}

interface Parts {
  readonly manager: JobManager;
  readonly messages: JobMessages;
  readonly submissions: GraphSubmissions;
  readonly intake: PromptIntake;
  readonly shelf: PromptShelf;
  readonly sockets: ClientSockets;
  readonly status: QueueStatus;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A prompt before its job exists. */
interface Draft extends Omit<NativePrompt['record'], 'id' | 'jobId' | 'createTime'> {
  readonly id: string | undefined;
  readonly sent: Omit<SentPrompt, 'extraData'>;
}

/** Prompts of ComfyUI's own API. Each becomes a job, and the messages of machines about it are sent to the client's socket. */
export class NativePrompts {
  readonly #parts: Parts;
  /** Drafts whose jobs are being created, by owner and client prompt id. */
  readonly #drafts = new Map<string, Draft[]>();
  #count = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { events } = parts.manager;
    events.subscribe('changed', (job) => this.#onChanged(job));
    events.subscribe('finished', (job) => void this.#onFinished(job));
    events.subscribe('removed', ({ id }) => this.#onRemoved(id));
  }

  /**
   * Submits a prompt.
   * @returns the refusal in ComfyUI's format if no part of it can run
   * @throws AppError `NO_HEALTHY_INSTANCES` if no machine ever reported its nodes, and the errors of
   * `GraphSubmissions.submit`
   */
  async submit(submission: PromptSubmission): Promise<AcceptedPrompt | { readonly refusal: PromptRefusal }> {
    const { prompt, promptId, clientId, owner } = submission;
    const taken = await this.#parts.intake.take(prompt, submission, submission.targets);
    if ('refusal' in taken) return taken;
    const draft: Draft = {
      id: promptId,
      clientId,
      owner,
      number: this.#numberOf(submission),
      sent: {
        graph: new PackedJson(taken.shown),
        outputNodes: taken.outputNodes,
        workflowId: workflowIdOf(submission.extraData),
      },
    };
    this.#count += 1;
    try {
      const made = await this.#submit(submission, draft, taken);
      return { prompt: made, nodeErrors: taken.nodeErrors };
    } catch (error) {
      if (!(error instanceof AppError) || !UNUSABLE.has(error.code)) throw error;
      const details = typeof error.details === 'string' ? error.details : '';
      return refuse('prompt_outputs_failed_validation', error.message, details);
    }
  }

  /** As ComfyUI counts prompts. */
  #numberOf({ number = this.#count, isFirst }: PromptSubmission): number {
    return isFirst && number > 0 ? -number : number;
  }

  async #submit(
    { requestId, client, isAdmin, priority, signal, extraData, owner }: PromptSubmission,
    draft: Draft,
    { graph, files }: TakenPrompt,
  ): Promise<NativePrompt> {
    const { submissions, shelf, messages } = this.#parts;
    const clientPromptId = draft.id ?? uuid();
    const key = draftKey(owner, clientPromptId);
    this.#drafts.set(key, [...(this.#drafts.get(key) ?? []), draft]);
    try {
      const { job } = await submissions.submit({
        graph,
        files,
        extraData: new Map([...extraData].filter(([name]) => name !== 'client_id')),
        isAdmin,
        priority,
        waitsForSame: true,
        requestId,
        owner,
        client,
        idempotencyKey: undefined,
        clientPromptId,
        follower: messages.server,
        metadata: undefined,
        signal,
      });
      const prompt = shelf.ofJob(job.id);
      if (prompt) return prompt;
      throw new AppError('INTERNAL_ERROR', 'The prompt no longer exists.');
    } finally {
      this.#forgetDraft(key, draft);
    }
  }

  /** Sends a new socket the queue length and the executing node of its client's prompt, as ComfyUI does. */
  async greet(owner: string | undefined, clientId: string, socket: ClientSocket): Promise<void> {
    const { shelf, status } = this.#parts;
    socket.send(await status.message(clientId));
    const node = shelf.running(owner).find(({ record }) => record.clientId === clientId)?.currentNode;
    if (node !== undefined) socket.send(JSON.stringify({ type: 'executing', data: { node } }));
  }

  /** Runs before any job can start. */
  #onChanged(job: Job): void {
    const { id, status, request, createdTime } = job;
    if (status === 'processing' && (job.progress > 0 || job.currentNode !== undefined)) {
      // Also if all messages are missed.
      const prompt = this.#parts.shelf.ofJob(id);
      if (prompt) prompt.hasStarted = true;
    }
    if (status !== 'pending' || request.type !== GRAPH_TYPE || this.#drafts.size === 0) return;
    const { clientPromptId, owner } = request;
    if (clientPromptId === undefined || this.#parts.shelf.ofJob(id)) return;
    const key = draftKey(owner, clientPromptId);
    const draft = this.#drafts.get(key)?.[0];
    if (!draft) return;
    this.#forgetDraft(key, draft);
    const { sent, ...identity } = draft;
    const createTime = Math.floor(createdTime);
    const extraData = new Map(request.workflow.extraData);
    if (draft.clientId !== undefined) extraData.set('client_id', new PackedJson(draft.clientId));
    extraData.set('create_time', new PackedJson(createTime));
    const record = { ...identity, id: draft.id ?? id, jobId: id, createTime };
    this.#follow(new NativePrompt(record, { ...sent, extraData }));
  }

  #forgetDraft(key: string, draft: Draft): void {
    const left = (this.#drafts.get(key) ?? []).filter((one) => one !== draft);
    if (left.length > 0) this.#drafts.set(key, left);
    else this.#drafts.delete(key);
  }

  #follow(prompt: NativePrompt): void {
    const { manager, shelf, messages, logger } = this.#parts;
    const { jobId } = prompt.record;
    const listener = new PromptListener(prompt, {
      socket: () => this.#socketOf(prompt),
      onFiles: () => shelf.addFiles(prompt),
      onOverflow: () => logger.error('A prompt is not followed any more', { jobId }),
    });
    const leave = messages.follow(jobId, listener);
    // The end and the removal of a followed job are told even if this server was disconnected when another one published them.
    const following = manager.events.follow(jobId, (job) => {
      if (isFinished(job)) void this.#onFinished(job);
    });
    shelf.add(prompt, { leave, unfollow: () => void following.then((end) => end()) });
  }

  #socketOf({ record: { owner, clientId } }: NativePrompt): ClientSocket | undefined {
    return this.#parts.sockets.get(owner, clientId);
  }

  async #onFinished(job: FinishedJob): Promise<void> {
    const { shelf, status, clock, logger } = this.#parts;
    const prompt = shelf.ofJob(job.id);
    try {
      if (!prompt) return void (await status.tell());
      if (prompt.end !== undefined) return;
      shelf.leave(job.id);
      // As in ComfyUI, a prompt that is deleted from the queue leaves no history.
      if (job.status === 'cancelled' && !prompt.hasStarted) {
        shelf.remove(job.id);
        return void (await status.tell());
      }
      const texts = prompt.finish(job, clock.now());
      shelf.addFiles(prompt);
      shelf.end(prompt);
      await this.#tellEnd(prompt, texts);
    } catch (error) {
      logger.error('The end of a prompt could not be told', { jobId: job.id, error: messageOf(error) });
    }
  }

  async #tellEnd(prompt: NativePrompt, texts: readonly string[]): Promise<void> {
    for (const text of texts) this.#socketOf(prompt)?.send(text);
    await this.#parts.status.tell();
    this.#socketOf(prompt)?.send(
      JSON.stringify({ type: 'executing', data: { node: null, prompt_id: prompt.record.id } }),
    );
  }

  #onRemoved(jobId: string): void {
    const { shelf, clock } = this.#parts;
    const prompt = shelf.ofJob(jobId);
    // Redis has lost the job. A client that waits for the end would wait forever.
    const isLost = prompt !== undefined && prompt.end === undefined;
    // While the shelf still has it: the message names the class of the running node, which is in the graph.
    const texts = isLost ? prompt.finish({ status: 'cancelled' }, clock.now()) : [];
    shelf.remove(jobId);
    if (isLost) void this.#tellEnd(prompt, texts);
  }
}

function draftKey(owner: string | undefined, clientPromptId: string): string {
  return JSON.stringify([owner ?? null, clientPromptId]);
}
