import { PromptError } from '../../errors.js';
import type { PromptFailure } from '../../promptFailures.js';
import { unlessAborted } from '../../utils/deadline.js';
import type { GraphFile } from '../../workflows/graph.js';
import type { ComfyClient } from './ComfyClient.js';
import type { ConnectionLease } from './ConnectionManager.js';
import { EarlyOutputs } from './EarlyOutputs.js';
import { fetchOutputs, type MadeOutput } from './fetchOutputs.js';
import { Patience } from './Patience.js';
import { type FollowTimings, PromptFollower } from './PromptFollower.js';
import type { StopVerdict } from './PromptHold.js';
import type { PromptResult, PromptRun, RunListener } from './PromptRun.js';
import { filesOf } from './promptBody.js';
import { PromptTracker } from './promptTracker.js';
import { contradictsItself } from './severalMachines.js';
import type { UploadName } from './UploadNames.js';
import { withContents } from './undeclaredInputs.js';

/** Options that are the same for all prompts of this server. */
export interface AttemptOptions {
  readonly timings: FollowTimings;
  /** Maximum size of all outputs of a prompt in memory, bytes. */
  readonly maxOutputBytes: number;
}

/** After these failures ComfyUI does not have the prompt; after any other, such as a proxy's 502, it may have it. */
const PROVES_REFUSAL: ReadonlySet<PromptFailure> = new Set([
  'connection refused',
  'server exhausted',
  'invalid workflow',
  'input file gone',
  'upload too large',
]);

/** One submission of a prompt to one instance, with the resources that it holds. */
export class PromptAttempt {
  readonly client: ComfyClient;
  readonly follower: PromptFollower;
  promptId: string;
  /** ComfyUI may have the prompt, or has had it. */
  wasSubmitted = false;
  /** ComfyUI has confirmed that it has the prompt. */
  wasAccepted = false;
  /** ComfyUI itself has ended the prompt, successfully or not. */
  hasEnded = false;
  /** The job was cancelled: nobody needs the prompt, whoever follows it. */
  isCancelled = false;
  /** Settles with the response to the submission; never rejects. */
  submission: Promise<unknown> = Promise.resolve();
  readonly #run: PromptRun;
  readonly #options: AttemptOptions;
  readonly #listener: RunListener;
  readonly #lease: ConnectionLease | undefined;
  /** Uploaded files by their value in the graph. */
  readonly #uploads = new Map<GraphFile, { readonly name: UploadName; readonly path: string }>();
  #unsubscribe: () => void = () => undefined;
  #early: EarlyOutputs | undefined;

  /** @param run with its own unique output nodes */
  constructor(
    client: ComfyClient,
    run: PromptRun,
    listener: RunListener,
    lease: ConnectionLease | undefined,
    options: AttemptOptions,
  ) {
    this.client = client;
    this.promptId = run.promptId;
    this.#run = run;
    this.#options = options;
    this.#listener = listener;
    this.#lease = lease;
    const { graph, outputNodes, limits } = this.#run;
    this.follower = new PromptFollower({
      client,
      graph,
      tracker: new PromptTracker(graph, outputNodes),
      outputNodes,
      socket: lease?.socket,
      timings: options.timings,
      limits,
      mayWithdraw: () => this.verdict(),
      machine: listener.machine(run.promptId),
      onProgress: (progress) => listener.onProgress(progress),
      onStep: listener.onStep,
      onMade: (made) => this.#early?.look(made),
    });
    this.#listenFor(run.promptId);
  }

  /** Uploads the files, submits the prompt and follows it. */
  async result(signal: AbortSignal): Promise<PromptResult> {
    this.#fetchEarly(signal);
    if (this.#run.uploads) await this.#upload(signal);
    await this.#submit(signal);
    return this.#follow(signal);
  }

  /**
   * The attempt continues the prompt of an earlier one, from now on also if its signal is aborted before `resumed`.
   * @param earlier that attempt, whose files the prompt reads, if it is still known
   */
  takeOver(earlier: PromptAttempt | undefined): void {
    if (earlier) for (const [file, upload] of earlier.#uploads) this.#uploads.set(file, upload);
    this.wasSubmitted = true;
    this.wasAccepted = true;
  }

  /** Follows the prompt that `takeOver` took over. */
  async resumed(signal: AbortSignal): Promise<PromptResult> {
    this.#fetchEarly(signal);
    this.#listener.onSubmitted(this.promptId);
    this.follower.suspectMissedMessages();
    return this.#follow(signal);
  }

  async #follow(signal: AbortSignal): Promise<PromptResult> {
    const outcome = await this.follower.end(this.promptId, signal);
    const { executionMs, nodeTimes } = this.follower;
    if (outcome.kind === 'withdrawn') this.wasSubmitted = false;
    else this.hasEnded = outcome.kind !== 'lost';
    if (outcome.kind === 'failed') await this.#early?.last();
    if ('error' in outcome) throw outcome.error;
    if (outcome.kind === 'ask-history') throw new PromptError('no output', 'The prompt has no output.');
    const { client, follower, promptId } = this;
    const source = {
      client,
      follower,
      outputNodes: this.#run.outputNodes,
      maxBytes: this.#options.maxOutputBytes,
      receive: this.#run.receive,
      early: this.#early,
    };
    return { promptId, executionMs, nodeTimes, outputs: await fetchOutputs(source, outcome.made, signal) };
  }

  /** Whether ComfyUI used the requested id: older servers choose their own. */
  get hasOwnId(): boolean {
    return this.promptId === this.#run.promptId;
  }

  /** See `PromptHold`. Without other servers, nobody else needs the prompt. */
  get recorded(): Promise<boolean> {
    return this.#run.hold?.recorded ?? Promise.resolve(true);
  }

  /** Whether the prompt may be stopped, and its history entry deleted. Never rejects. */
  async verdict(): Promise<StopVerdict> {
    if (this.isCancelled || !this.#run.hold) return 'may stop';
    return this.#run.hold.ask(this.promptId);
  }

  /** Stops listening. The prompt may continue. */
  detach(): void {
    this.#early?.stop();
    this.#unsubscribe();
    this.#lease?.release();
  }

  /** Releases the names of the files: the prompt no longer runs, so they may be overwritten. */
  releaseFiles(): void {
    for (const { name } of this.#uploads.values()) name.release();
  }

  /** Reserves the names of the files: it is unknown whether the prompt still runs. */
  keepFiles(): void {
    for (const { name } of this.#uploads.values()) name.doubt(this.promptId);
  }

  #fetchEarly(signal: AbortSignal): void {
    const { onOutput } = this.#listener;
    const { promptId } = this.#run;
    const source = {
      client: this.client,
      receive: this.#run.receive,
      maxBytes: this.#options.maxOutputBytes,
      onOutput: onOutput && ((made: MadeOutput, index: number) => onOutput(made, { promptId, index })),
    };
    this.#early = new EarlyOutputs(source, signal);
  }

  #listenFor(promptId: string): void {
    this.#unsubscribe();
    this.#unsubscribe = this.#lease?.socket.subscribe(promptId, this.follower) ?? (() => undefined);
  }

  /** Not aborted with the job: after a partial upload, as after a partial submission, it would be unknown whether it arrives. */
  async #upload(signal: AbortSignal): Promise<void> {
    for (const file of filesOf(this.#run.graph)) {
      if (file.isInside) continue;
      const name = this.client.uploadNames.take(file.content, file.extension);
      try {
        const path = await unlessAborted(this.client.upload(name.name, file.content), signal);
        this.#uploads.set(file, { name, path });
      } catch (error) {
        const isRefused = error instanceof PromptError && PROVES_REFUSAL.has(error.failure);
        if (isRefused) name.release();
        else name.doubt(this.promptId);
        throw error;
      }
    }
  }

  /**
   * The request itself is not aborted with the job: after a partial submission it would be unknown whether ComfyUI has the
   * prompt.
   */
  async #submit(signal: AbortSignal): Promise<void> {
    const { graph, outputNodes, promptId, extraData } = this.#run;
    // Without a socket there is no recipient for messages, whatever the id.
    const clientId = this.#lease?.socket.clientId ?? promptId;
    const files = new Map([...this.#uploads].map(([file, { path }]) => [file, path]));
    const contents = new Map([...this.#uploads].map(([file, { name }]) => [file, () => name.content()]));
    signal.throwIfAborted();
    const announced = this.#listener.onSubmitting?.(promptId);
    if (announced) await unlessAborted(announced, signal);
    signal.throwIfAborted();
    this.wasSubmitted = true;
    const answer = this.client.submit(
      { graph: withContents(graph, contents), files, clientId, promptId, extraData },
      outputNodes,
    );
    this.submission = answer.then(
      () => {
        this.wasAccepted = true;
      },
      () => undefined,
    );
    let refusal: PromptError | undefined;
    try {
      const accepted = await unlessAborted(answer, signal);
      refusal = accepted.refusal;
      if (accepted.promptId !== promptId) this.#adopt(accepted.promptId);
    } catch (error) {
      signal.throwIfAborted();
      await this.#recoverSubmission(error, signal);
    }
    this.#listener.onSubmitted(this.promptId);
    // The rest of the prompt was accepted; the caller takes it back.
    if (refusal) throw refusal;
  }

  /** An older server chose its own id: messages that it sent before its response are missed. */
  #adopt(promptId: string): void {
    this.promptId = promptId;
    this.#listenFor(promptId);
    this.follower.suspectMissedMessages();
  }

  /** A submission without a response may have arrived: looks it up before it is sent again. */
  async #recoverSubmission(error: unknown, signal: AbortSignal): Promise<void> {
    const mayHaveArrived = error instanceof PromptError && !PROVES_REFUSAL.has(error.failure);
    if (mayHaveArrived && (await this.#isKnown(signal))) {
      this.wasAccepted = true;
      return;
    }
    this.wasSubmitted = mayHaveArrived;
    if (error instanceof PromptError && error.failure === 'input file gone') {
      await this.#checkForSeveralMachines(signal);
    }
    throw error;
  }

  /** If a file that was just uploaded does not exist, another machine may have received it. */
  async #checkForSeveralMachines(signal: AbortSignal): Promise<void> {
    const [upload] = this.#uploads.values();
    if (!upload || !(await contradictsItself(this.client, signal))) return;
    const { host } = this.client.address;
    throw new PromptError(
      'several machines',
      `${host} is several machines: one has the file, another denies it.`,
    );
  }

  async #isKnown(signal: AbortSignal): Promise<boolean> {
    try {
      // It is unknown whether it runs, so a silent machine is not waited for.
      return await new Patience(this.client, 0).request(
        () => this.client.prompts.knows(this.promptId, signal),
        signal,
      );
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }
}
