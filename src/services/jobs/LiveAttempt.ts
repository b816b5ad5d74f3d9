import type { MadeOutput } from '../comfyui/fetchOutputs.js';
import type { MachineListener } from '../comfyui/machineMessages.js';
import type { PromptDetail } from '../comfyui/promptTracker.js';
import { type FinishedOutput, finishOutput, type OutputPlan } from './finishOutputs.js';
import type { ProcessingJob } from './Job.js';
import type { JobResults } from './JobResults.js';
import type { LiveJobs } from './LiveJobs.js';
import { isOwn } from './ownFiles.js';

interface Parts {
  readonly live: LiveJobs;
  readonly results: Pick<JobResults, 'commit'>;
}

/** One attempt of a job whose client gets steps, previews and outputs before the end. */
export class LiveAttempt {
  readonly #job: ProcessingJob;
  readonly #parts: Parts;
  readonly #plan: OutputPlan;
  readonly #finished = new Map<MadeOutput, Promise<FinishedOutput | undefined>>();

  constructor(job: ProcessingJob, parts: Parts, plan: OutputPlan) {
    this.#job = job;
    this.#parts = parts;
    this.#plan = plan;
    parts.live.begin(job.id);
  }

  onStep = (progress: PromptDetail): void => this.#parts.live.note(this.#job.id, { progress });

  onOutput = (made: MadeOutput, from: { readonly promptId: string; readonly index: number }): void => {
    this.#finished.set(made, this.#finish(made, from));
  };

  /** Returns an output that was finished before the end; undefined for all others. */
  finished = async (made: MadeOutput): Promise<FinishedOutput | undefined> => this.#finished.get(made);

  /** Resolves when the outputs so far are in the job's record. */
  async settled(): Promise<void> {
    await Promise.all(this.#finished.values());
  }

  /** Records previews, and passes everything on. */
  alsoTelling(machine: MachineListener): MachineListener {
    return {
      onMessage: (message) => machine.onMessage(message),
      onFrame: (frame) => machine.onFrame(frame),
      onPreview: (preview) => {
        this.#parts.live.note(this.#job.id, { preview });
        machine.onPreview(preview);
      },
    };
  }

  async #finish(
    made: MadeOutput,
    { promptId, index }: { readonly promptId: string; readonly index: number },
  ): Promise<FinishedOutput | undefined> {
    const { id, attempts } = this.#job;
    let finished: FinishedOutput | undefined;
    try {
      if (!(await isOwn(made, promptId))) return undefined;
      finished = await finishOutput(made, this.#plan);
      const output = await this.#parts.results.commit(id, attempts, { index, ...finished });
      return output ? { ...finished, output } : finished;
    } catch {
      // It is finished or stored again at the end, and the error is reported then.
      return finished;
    }
  }
}
