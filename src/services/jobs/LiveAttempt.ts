import type { MadeOutput } from '../comfyui/fetchOutputs.js';
import type { MachineListener } from '../comfyui/machineMessages.js';
import type { PromptDetail } from '../comfyui/promptTracker.js';
import { type FinishedOutput, finishOutput, type OutputPlan } from './finishOutputs.js';
import type { LiveJobs } from './LiveJobs.js';
import { isOwn } from './ownFiles.js';

/** One attempt of a job whose client gets steps, previews and outputs before the end. */
export class LiveAttempt {
  readonly #jobId: string;
  readonly #live: LiveJobs;
  readonly #plan: OutputPlan;
  readonly #finished = new Map<MadeOutput, Promise<FinishedOutput | undefined>>();

  constructor(jobId: string, live: LiveJobs, plan: OutputPlan) {
    this.#jobId = jobId;
    this.#live = live;
    this.#plan = plan;
    live.begin(jobId);
  }

  onStep = (progress: PromptDetail): void => this.#live.note(this.#jobId, { progress });

  onOutput = (made: MadeOutput, promptId: string): void => {
    this.#finished.set(made, this.#finish(made, promptId));
  };

  /** Returns an output that was finished before the end; undefined for all others. */
  finished = async (made: MadeOutput): Promise<FinishedOutput | undefined> => this.#finished.get(made);

  /** Records previews, and passes everything on. */
  alsoTelling(machine: MachineListener): MachineListener {
    return {
      onMessage: (message) => machine.onMessage(message),
      onPreview: (preview) => {
        this.#live.note(this.#jobId, { preview });
        machine.onPreview(preview);
      },
    };
  }

  async #finish(made: MadeOutput, promptId: string): Promise<FinishedOutput | undefined> {
    try {
      if (!(await isOwn(made, promptId))) return undefined;
      const finished = await finishOutput(made, this.#plan);
      this.#live.addOutput(this.#jobId, finished);
      return finished;
    } catch {
      // The error is reported at the end.
      return undefined;
    }
  }
}
