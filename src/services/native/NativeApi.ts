import type { Clock } from '../../utils/clock.js';
import type { Logger } from '../../utils/logger.js';
import { ImageViews } from '../images/ImageViews.js';
import { FleetInfo } from '../instances/FleetInfo.js';
import type { Instance } from '../instances/Instance.js';
import type { StreamStore } from '../jobs/BlobStore.js';
import type { JobManager } from '../jobs/JobManager.js';
import type { JobMessages } from '../jobs/JobMessages.js';
import type { GraphSubmissions } from '../submissions/GraphSubmissions.js';
import { CallerFiles } from './CallerFiles.js';
import { ClientSockets } from './ClientSockets.js';
import { InputFiles, type InputFilesOptions } from './InputFiles.js';
import { NativePrompts } from './NativePrompts.js';
import { PromptIntake } from './PromptIntake.js';
import { PromptShelf } from './PromptShelf.js';
import { QueueStatus } from './QueueStatus.js';
import { ResultFiles } from './ResultFiles.js';

interface Parts {
  readonly manager: JobManager;
  readonly messages: JobMessages;
  readonly submissions: GraphSubmissions;
  readonly instances: readonly Instance[];
  readonly stream: StreamStore | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface NativeApiOptions {
  readonly files: InputFilesOptions;
  /** `Retry-After` when no machine is healthy, seconds. */
  readonly machineRetrySeconds: number;
  /** Maximum width x height of a result, and of any other picture. */
  readonly maxOutputPixels: number;
  readonly maxImagePixels: number;
}

/** Age from which responses of machines are requested again, and age from which they are no longer used, ms. */
const FRESH_MS = 10_000;
const MAX_AGE_MS = 60_000;
/** Interval between cleanups of expired files, ms. */
const CLEANUP_MS = 60_000;

/** Implements ComfyUI's own API for the whole fleet. */
export class NativeApi {
  readonly fleet: FleetInfo;
  readonly inputs: InputFiles;
  readonly files: CallerFiles;
  readonly images = new ImageViews();
  readonly prompts: NativePrompts;
  readonly shelf: PromptShelf;
  readonly sockets = new ClientSockets();
  readonly status: QueueStatus;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts, options: NativeApiOptions) {
    const { manager, instances, stream, clock, logger } = parts;
    const { files, machineRetrySeconds, maxOutputPixels, maxImagePixels } = options;
    this.shelf = new PromptShelf((jobId, prompt) => manager.results.keepPrompt(jobId, prompt));
    const { shelf, sockets } = this;
    const fleetOptions = { freshMs: FRESH_MS, maxAgeMs: MAX_AGE_MS, retryAfterSeconds: machineRetrySeconds };
    this.fleet = new FleetInfo(instances, fleetOptions, clock, logger);
    this.inputs = new InputFiles(stream, files, clock);
    const results = new ResultFiles({ manager, shelf, instances, maxPixels: maxOutputPixels });
    this.files = new CallerFiles({
      inputs: this.inputs,
      results,
      fleet: this.fleet,
      maxPixels: maxImagePixels,
    });
    this.status = new QueueStatus(manager, sockets);
    const { fleet, status } = this;
    const intake = new PromptIntake(this.files, fleet);
    this.prompts = new NativePrompts({ ...parts, intake, shelf, sockets, status });
  }

  start(): void {
    this.#timer ??= setInterval(() => this.inputs.cleanup(), CLEANUP_MS);
  }

  /** Stops the cleanups. Clients reconnect to another server, or to this one after its restart. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
