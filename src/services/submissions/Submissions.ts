import { AppError } from '../../errors.js';
import { invalidParameter, parseParameters } from '../../schemas/parse.js';
import type { Size } from '../../workflows/types.js';
import { inspectImage } from '../images/inspect.js';
import type { ImageType } from '../images/structure.js';
import type { LoadBalancer } from '../instances/LoadBalancer.js';
import type { Admission } from '../jobs/Admission.js';
import { fingerprintOf, type IdempotencyKeys } from '../jobs/IdempotencyKeys.js';
import type { Job, JobRequest, WebhookTarget } from '../jobs/Job.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { Webhooks } from '../webhooks/Webhooks.js';
import type { ReceivedFile, Submission } from './Submission.js';

interface SubmissionParts {
  readonly manager: JobManager;
  readonly admission: Admission;
  readonly idempotencyKeys: IdempotencyKeys;
  readonly balancer: LoadBalancer;
  /** undefined where there is no secret to sign them with. */
  readonly webhooks: Pick<Webhooks, 'problemWith'> | undefined;
}

interface SubmissionLimits {
  /** MIME types of images that are taken. */
  readonly imageTypes: readonly ImageType[];
  /** Width x height of an image that is sent, and of one that is made. */
  readonly maxPixels: number;
  readonly maxOutputPixels: number;
  /** When a machine may be back, seconds. */
  readonly machineRetrySeconds: number;
}

/** A submission's job, and whether the same submission had made it before. */
interface Submitted {
  readonly job: Job;
  readonly isRepeated: boolean;
}

/** The use case behind every submission: what a client sent is checked and becomes a job. It knows no HTTP. */
export class Submissions {
  readonly #parts: SubmissionParts;
  readonly #limits: SubmissionLimits;

  constructor(parts: SubmissionParts, limits: SubmissionLimits) {
    this.#parts = parts;
    this.#limits = limits;
  }

  /**
   * For a client that waits: it is told at once that nobody could serve it.
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
   * Makes a job, or finds the one that the same submission made before.
   * @throws AppError for what is wrong with it, and `QUEUE_FULL`, `SHUTTING_DOWN` or `IDEMPOTENCY_KEY_REUSED`
   */
  async submit(submission: Submission): Promise<Submitted> {
    const { manager, admission, idempotencyKeys } = this.#parts;
    const { workflow, idempotencyKey: key, format, requestId, owner, client } = submission;
    const webhook = this.#checked(submission.webhook);
    const upload = imageOf(submission);
    const parameters = parseParameters(workflow.parameters, submission.parameters);
    const { image, bytes } = await inspectImage(upload.bytes, {
      allowedTypes: this.#limits.imageTypes,
      maxPixels: this.#limits.maxPixels,
      checkSize: (size) => this.#checkOutputSize(workflow.outputSize(size, parameters)),
    });
    const request: JobRequest = {
      type: workflow.type,
      parameters,
      format,
      image,
      imageSize: bytes.length,
      originalFilename: upload.filename,
      requestId,
      owner,
      client,
      webhook,
    };
    let created: Job | undefined;
    const create = async () => {
      created = await admission.admit(bytes.length, () => manager.create(request, bytes));
      return created;
    };
    if (key === undefined) return { job: await create(), isRepeated: false };
    // Keys of different clients have nothing to do with each other.
    const scoped = JSON.stringify([owner ?? null, key]);
    const jobId = await idempotencyKeys.once(scoped, fingerprintOf(request, upload.bytes), create);
    return created
      ? { job: created, isRepeated: false }
      : { job: await manager.get(jobId), isRepeated: true };
  }

  #checked(webhook: WebhookTarget | undefined): WebhookTarget | undefined {
    if (!webhook) return undefined;
    const { webhooks } = this.#parts;
    const problem = webhooks ? webhooks.problemWith(webhook.url) : 'needs a server with WEBHOOK_SECRET';
    if (problem === undefined) return webhook;
    throw invalidParameter('webhook_url', problem);
  }

  #checkOutputSize({ width, height }: Size): void {
    const max = this.#limits.maxOutputPixels;
    if (width * height <= max) return;
    throw new AppError(
      'IMAGE_TOO_LARGE',
      `The result would be ${width} x ${height} pixels; at most ${max} pixels are made.`,
    );
  }
}

function imageOf({ files }: Submission): ReceivedFile {
  const image = files.get('image');
  if (image) return image;
  throw new AppError('NO_IMAGE', 'No image file provided.', {
    details: 'Send multipart/form-data with the image in the field "imageFile".',
  });
}
