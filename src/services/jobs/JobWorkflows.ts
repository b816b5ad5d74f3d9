import { AppError } from '../../errors.js';
import type { Workflow } from '../../workflows/types.js';
import type { JobRequest } from './Job.js';

/** The workflow of each job as it was when the job was submitted: a job ends as it began, whatever becomes of its workflow. */
export class JobWorkflows {
  readonly #find: (type: string) => Workflow | undefined;
  /** By request, which a job keeps from its submission to its end. */
  readonly #submitted = new WeakMap<JobRequest, Workflow>();

  /** @param find the workflow that has the type now */
  constructor(find: (type: string) => Workflow | undefined) {
    this.#find = find;
  }

  /** Remembers what a request is for; call it before its job is made. */
  remember(request: JobRequest, workflow: Workflow): void {
    this.#submitted.set(request, workflow);
  }

  /** @throws AppError `INTERNAL_ERROR` where nobody remembers it, and there is no such workflow any more */
  of(request: JobRequest): Workflow {
    const workflow = this.#submitted.get(request) ?? this.#find(request.type);
    if (!workflow) throw new AppError('INTERNAL_ERROR', `There is no workflow ${request.type}.`);
    return workflow;
  }
}
