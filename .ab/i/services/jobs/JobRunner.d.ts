import type { Logger } from '../../utils/logger.js';
import { type Workflow } from '../../workflows/types.js';
import type { PromptRunner } from '../comfyui/PromptRunner.js';
import type { Slot } from '../instances/LoadBalancer.js';
import type { ProcessingJob } from './Job.js';
import type { JobManager } from './JobManager.js';
import type { OutputFiles } from './OutputFiles.js';
interface RunnerParts {
    readonly manager: JobManager;
    readonly prompts: PromptRunner;
    readonly workflows: readonly Workflow[];
    /** Where results are kept on disk, if they are. */
    readonly outputFiles: OutputFiles | undefined;
    /** Width x height of a result that is decoded at most. */
    readonly maxOutputPixels: number;
    readonly logger: Logger;
}
/** A processing job's way on its instance: upload made fit, prompt run, image finished, job completed. */
export declare class JobRunner {
    #private;
    constructor(parts: RunnerParts);
    /**
     * Runs the job to its completion. The slot is given back as soon as the instance is done with it, so that the
     * next prompt is on its way while this image is finished here.
     * @throws PromptError, AppError, or the signal's reason
     */
    run(job: ProcessingJob, slot: Slot, signal: AbortSignal): Promise<void>;
}
export {};
