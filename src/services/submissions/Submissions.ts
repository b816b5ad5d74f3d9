import { AppError } from '../../errors.js';
import { invalidParameter, parseParameters } from '../../schemas/parse.js';
import type { Clock } from '../../utils/clock.js';
import { sizeOf } from '../../utils/StoredFile.js';
import type { Size, Workflow } from '../../workflows/types.js';
import { problemOfSize } from '../images/formats.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Admission } from '../jobs/Admission.js';
import type { Job, JobFile, JobRequest, WebhookTarget } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import { graphBytes } from '../jobs/WaitingGraphs.js';
import type { Tracing } from '../tracing/Tracing.js';
import type { Webhooks } from '../webhooks/Webhooks.js';
import { FileGathering, type GatheringParts } from './FileGathering.js';
import { fingerprintOf } from './fingerprint.js';
import { type FileLimits, type InspectedFile, inspectFile, isPicture } from './inspectFile.js';
import { withoutEmpty } from './parameterKinds.js';
import type { OnMaking, RepeatedSubmissions, Submitted } from './RepeatedSubmissions.js';
import { checkRequiredFiles } from './requiredFiles.js';
import type { Submission } from './Submission.js';
import { type RandomNumber, withRandomSeed } from './seeds.js';
import { unknownParameters } from './unknownParameters.js';

interface SubmissionParts extends GatheringParts {
  readonly manager: JobManager;
  readonly admission: Admission;
  readonly repeated: RepeatedSubmissions;
  readonly balancer: LoadBalancer;
  /** `undefined` without a secret to sign them. */
  readonly webhooks: Pick<Webhooks, 'problemWith'> | undefined;
  readonly random: RandomNumber;
  readonly clock: Clock;
  readonly tracing: Tracing;
}

interface SubmissionLimits extends FileLimits {
  /** Maximum size of a file, bytes. */
  readonly maxFileBytes: number;
  /** Maximum width x height of a created image. */
  readonly maxOutputPixels: number;
  /** `Retry-After` when no machine is healthy, seconds. */
  readonly machineRetrySeconds: number;
}

/** A file of a submission after its bytes were inspected. */
interface CheckedFile extends InspectedFile {
  readonly filename: string;
}

/** A job request before its files are gathered. */
type Outline = Omit<JobRequest, 'files' | 'originalFilename'>;

/** Validates submissions and creates their jobs. Independent of HTTP. */
export class Submissions {
  readonly #parts: SubmissionParts;
  readonly #limits: SubmissionLimits;

  constructor(parts: SubmissionParts, limits: SubmissionLimits) {
    this.#parts = parts;
    this.#limits = limits;
  }

  /**
   * Tells a waiting client immediately if no machine can run its job.
   * @throws AppError `NO_HEALTHY_INSTANCES`
   */
  checkMachines(type: string): void {
    const { balancer } = this.#parts;
    if (balancer.canRun(type)) return;
    throw new AppError('NO_HEALTHY_INSTANCES', balancer.whyNot(type), {
      retryAfterSeconds: this.#limits.machineRetrySeconds,
    });
  }

  /**
   * Creates a job, or finds the job of an earlier identical submission.
   * @throws AppError for errors in the submission, and `NO_HEALTHY_INSTANCES`, `QUEUE_FULL`, `SHUTTING_DOWN`,
   * `IDEMPOTENCY_KEY_REUSED` or `IDEMPOTENCY_IN_PROGRESS`
   */
  submit(submission: Submission): Promise<Submitted> {
    const { outline, fingerprint } = this.#checked(submission);
    return this.#parts.repeated.once(submission, fingerprint, ({ signal, onMaking }) =>
      this.#create({ ...submission, signal }, outline, onMaking),
    );
  }

  /**
   * Creates a job, also if it was created before.
   * @throws AppError like `submit`
   */
  create(submission: Submission, onMaking?: OnMaking): Promise<Job> {
    return this.#create(submission, this.#checked(submission).outline, onMaking);
  }

  /** Checks everything except the files. */
  #checked(submission: Submission): { outline: Outline; fingerprint: () => string } {
    this.#checkWebhook(submission.webhook);
    checkRequiredFiles(submission);
    return this.#outline(submission);
  }

  #outline(submission: Submission): { outline: Outline; fingerprint: () => string } {
    const { workflow, format, webhook, requestId, owner, client, files } = submission;
    const { priority, deadlineSeconds, metadata, clientPromptId, follower, secrets } = submission;
    const { type, parameters: schema } = workflow;
    const traceparent = this.#parts.tracing.current;
    const given = withoutEmpty(submission.parameters, schema);
    const sent = parseParameters(schema, given);
    const { parameters, seed, seeds } = withRandomSeed(schema, sent, this.#parts.random);
    const warnings = warningsOf(submission, Object.keys(given));
    const outline = {
      type,
      workflow,
      parameters,
      // Images of custom workflows keep the format in which ComfyUI creates them.
      format: format ?? (workflow.isBuiltIn ? 'PNG' : undefined),
      requestId,
      ...(traceparent === undefined ? {} : { traceparent }),
      owner,
      client,
      webhook,
      ...(priority ? { priority } : {}),
      ...(deadlineSeconds === undefined
        ? {}
        : { deadline: this.#parts.clock.now() + 1000 * deadlineSeconds }),
      ...(warnings.length > 0 ? { warnings } : {}),
      ...(seed === undefined ? {} : { randomSeed: seed }),
      ...(seeds === undefined ? {} : { randomSeeds: seeds }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(clientPromptId === undefined ? {} : { clientPromptId }),
      ...(follower === undefined ? {} : { follower }),
      ...(secrets === undefined ? {} : { secrets }),
    };
    // A randomly chosen seed is not part of the client's request.
    const fingerprint = () => fingerprintOf({ type, parameters: sent, format, webhook, files });
    return { outline, fingerprint };
  }

  /** Gathers and checks the files, and creates the job. */
  async #create(submission: Submission, outline: Outline, onMaking: OnMaking | undefined): Promise<Job> {
    if (submission.isAwaited) this.checkMachines(outline.type);
    const { manager, admission, tracing } = this.#parts;
    const { client, owner, signal } = submission;
    const gathering = new FileGathering(this.#parts, this.#limits.maxFileBytes, { client, owner, signal });
    try {
      const files = await this.#checkedFiles(submission, outline, gathering);
      const bytes = [...files.values()].reduce((sum, file) => sum + sizeOf(file.content), 0);
      const [first] = files.values();
      const request = {
        ...outline,
        files: jobFiles(submission.workflow, files),
        originalFilename: first?.filename ?? outline.type,
      };
      const contents = new Map([...files].map(([name, file]) => [name, file.content]));
      const attributes = { 'job.type': outline.type, 'job.input_bytes': bytes };
      return await tracing.trace('job.create', { attributes }, async (span) => {
        const waiting = { files: bytes, graph: graphBytes(outline.workflow) };
        const job = await admission.admit(waiting, (onTold) =>
          manager.intake.create(request, contents, onMaking, onTold),
        );
        span.set({ 'job.id': job.id });
        return job;
      });
    } finally {
      gathering.release();
    }
  }

  /** Returns the files by input, in the order of the workflow. */
  async #checkedFiles(
    { workflow, files: sources, client, signal }: Submission,
    outline: Outline,
    gathering: FileGathering,
  ): Promise<ReadonlyMap<string, CheckedFile>> {
    const inputs = workflow.files.filter(({ name }) => sources.has(name));
    const images = inputs.filter(isPicture).length;
    const sizes = new Map<string, Size>();
    // Without images, the parameters alone may determine the size of the result.
    if (images === 0) this.#checkOutputSize(outline, sizes);
    const files = new Map<string, CheckedFile>();
    for (const input of inputs) {
      const source = sources.get(input.name);
      if (!source) continue;
      const received = await gathering.get(input, source);
      const inspected = await inspectFile(input, received.bytes, {
        limits: this.#limits,
        isOneOfSeveral: workflow.files.length > 1,
        takesTransparency: workflow.isBuiltIn,
        sender: { client, signal },
        checkSize: (size) => {
          sizes.set(input.name, size);
          if (sizes.size === images) this.#checkOutputSize(outline, sizes);
        },
      });
      files.set(input.name, { ...inspected, filename: received.filename });
    }
    return files;
  }

  #checkWebhook(webhook: WebhookTarget | undefined): void {
    if (!webhook) return;
    const { webhooks } = this.#parts;
    const problem = webhooks ? webhooks.problemWith(webhook.url) : 'needs a server with WEBHOOK_SECRET';
    if (problem !== undefined) throw invalidParameter('webhook_url', problem);
  }

  #checkOutputSize({ workflow, parameters, format }: Outline, sizes: ReadonlyMap<string, Size>): void {
    const max = this.#limits.maxOutputPixels;
    const size = workflow.outputSize?.(sizes, parameters);
    if (size === undefined) return;
    const isCropped = workflow.finish?.(parameters).cropToSubject === true;
    const problem =
      size.width * size.height > max
        ? `${size.width} x ${size.height} pixels; the maximum is ${max} pixels`
        : // A cropped result may be small enough.
          isCropped || format === undefined
          ? undefined
          : problemOfSize(size, format);
    if (problem !== undefined) throw new AppError('IMAGE_TOO_LARGE', `The result would be ${problem}.`);
  }
}

/** Returns the file data for the record of the job. */
function jobFiles(workflow: Workflow, files: ReadonlyMap<string, CheckedFile>): Record<string, JobFile> {
  const all = workflow.files.flatMap(({ name, kind }): [string, JobFile][] => {
    const file = files.get(name);
    if (!file) return [];
    const { content, mimeType, filename, image } = file;
    return [[name, { kind, sizeBytes: sizeOf(content), mimeType, filename, image }]];
  });
  return Object.fromEntries(all);
}

function warningsOf({ workflow, otherParameters }: Submission, given: readonly string[]): string[] {
  const known = new Set([...Object.keys(workflow.parameters.shape), ...otherParameters]);
  const files = new Set(workflow.files.map(({ name }) => name));
  return unknownParameters(given, known, files);
}
