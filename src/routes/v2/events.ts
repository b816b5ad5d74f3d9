import { mayUse } from '../../middleware/authentication.js';
import type { MachinePreview } from '../../services/comfyui/machineMessages.js';
import { workflowNodeId } from '../../services/comfyui/ownOutputs.js';
import { isBefore, isFinished, type Job } from '../../services/jobs/Job.js';
import {
  COMFY_STATUS_OF,
  type ComfyJobContext,
  comfyOutputViews,
  comfyProgressView,
} from '../../views/comfyViews.js';
import { type Endpoint, type RouteContext, TAGS } from '../Endpoint.js';
import { EventStream } from '../EventStream.js';
import { idOf } from '../ownJob.js';
import { baseUrlOf, ownComfyJob, viewContextOf } from './comfyJobs.js';
import { comfyJobPath } from './jobs.js';

/** Interval for sending progress, previews and the position in the queue, ms. */
const LOOK_MS = 500;
/** A client with more unread bytes gets no previews. */
const MAX_WAITING_BYTES = 32 * 1024;
/** Previews have a few hundred KB. */
const MAX_BUFFERED_BYTES = 2 * 1024 * 1024;

/** Server-sent events of the job of a client graph. */
export const comfyEventEndpoint: Endpoint = {
  id: 'comfy_job_events',
  method: 'get',
  path: '/api/v2/jobs/{id}/events',
  tag: TAGS.comfy,
  form: 'comfy',
  summary:
    'Server-sent events of a job: status, progress, preview, output and log. The first event is the current state, the last one the final status.',
  access: 'key',
  request: { path: comfyJobPath },
  responses: { 200: { description: 'Events until the job ends.', types: ['text/event-stream'] } },
  errors: [404],
  handler: (context) => async (request, response) => {
    const { id, request: submitted } = await ownComfyJob(context, idOf(request), response);
    const stream = await EventStream.open(request, response, {
      services: context.services,
      isAllowed: (caller) => mayUse(caller, submitted.owner),
      maxBufferedBytes: MAX_BUFFERED_BYTES,
    });
    if (!stream) return;
    const events = new ComfyEvents(stream, baseUrlOf(request, context), context);
    await events.follow(id);
  },
};

/** Sends the events of a job to one client. */
class ComfyEvents {
  readonly #stream: EventStream;
  readonly #baseUrl: string;
  readonly #context: RouteContext;
  #job: Job | undefined;
  /** Data last sent, by event. */
  readonly #told = new Map<string, string>();
  readonly #outputs = new Set<string>();
  #preview: MachinePreview | undefined;
  /** Events are sent one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(stream: EventStream, baseUrl: string, context: RouteContext) {
    this.#stream = stream;
    this.#baseUrl = baseUrl;
    this.#context = context;
  }

  async follow(id: string): Promise<void> {
    const { manager } = this.#context.services;
    const onJob = (job: Job) => this.#enqueue(() => this.#onJob(job));
    const onRemoved = () => this.#enqueue(async () => this.#stream.end());
    this.#stream.onClose(await manager.events.follow(id, onJob, onRemoved));
    // Outputs are sent immediately; other frequent changes at an interval.
    const timer = setInterval(() => this.#enqueue(() => this.#look(true)), LOOK_MS);
    this.#stream.onClose(() => clearInterval(timer));
    const job = await manager.get(id);
    onJob(job);
  }

  /** Ends the stream if an event fails. */
  #enqueue(work: () => Promise<void>): void {
    this.#last = this.#last.then(work).catch(() => this.#stream.end());
  }

  async #onJob(job: Job): Promise<void> {
    // The record that was read may be older than a change that arrived in the meantime.
    if (this.#job && isBefore(job, this.#job)) return;
    const isFirst = this.#job === undefined;
    const hasMoved = this.#job?.status !== job.status;
    const hasMade = this.#job?.early?.length !== job.early?.length;
    if (this.#job?.status === 'processing' && job.status === 'pending') {
      this.#stream.send('log', {
        level: 'warning',
        message: 'A machine failed. The job is retried on another machine.',
      });
    }
    this.#job = job;
    if (hasMoved && isFinished(job)) await this.#end(job);
    else if (hasMoved || hasMade) await this.#look(hasMoved, isFirst);
  }

  async #end(job: Job): Promise<void> {
    const context = await viewContextOf(job, this.#baseUrl, this.#context);
    this.#sendOutputs(job, context);
    if (job.status === 'completed') this.#sendProgress(job, context);
    this.#sendStatus(job, context);
    this.#stream.end();
  }

  /** @param isDue whether progress and previews can be sent now */
  async #look(isDue: boolean, isFirst = false): Promise<void> {
    const job = this.#job;
    if (!job || isFinished(job)) return;
    const context = await viewContextOf(job, this.#baseUrl, this.#context);
    this.#sendStatus(job, context);
    if (isDue || isFirst) this.#sendProgress(job, context);
    this.#sendOutputs(job, context);
    if (isDue || isFirst) this.#sendPreview(context);
  }

  #sendStatus(job: Job, { position }: ComfyJobContext): void {
    this.#sendChanged('status', { status: COMFY_STATUS_OF[job.status], queue_position: position ?? null });
  }

  #sendProgress(job: Job, { live }: ComfyJobContext): void {
    const progress = comfyProgressView(job, live);
    if (progress) this.#sendChanged('progress', progress);
  }

  #sendOutputs(job: Job, context: ComfyJobContext): void {
    for (const output of comfyOutputViews(job, context)) {
      if (this.#outputs.has(output.id)) continue;
      this.#outputs.add(output.id);
      this.#stream.send('output', output);
    }
  }

  #sendPreview({ live }: ComfyJobContext): void {
    const preview = live?.preview;
    if (!preview || preview === this.#preview || this.#stream.waitingBytes > MAX_WAITING_BYTES) return;
    this.#preview = preview;
    const { mimeType, image, metadata } = preview;
    const { display_node_id, node_id } = metadata?.data ?? {};
    const node = display_node_id ?? node_id ?? live.progress?.node?.id;
    this.#stream.send('preview', {
      node_id: typeof node === 'string' ? workflowNodeId(node) : '',
      content_type: mimeType,
      data_base64: image.toString('base64'),
    });
  }

  #sendChanged(event: string, body: object): void {
    const text = JSON.stringify(body);
    if (this.#told.get(event) === text) return;
    this.#told.set(event, text);
    this.#stream.send(event, body);
  }
}
