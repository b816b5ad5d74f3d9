import type { WorkflowDescription } from '../client/index.js';
import type { JobRecord } from './overview.js';

const STATUS: Readonly<Record<JobRecord['status'], string>> = {
  pending: 'Waiting',
  processing: 'Running',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

export interface JobWords {
  /** The file of the job, or the title of a workflow without files. */
  readonly name: string;
  /** The title of the workflow. */
  readonly title: string;
  readonly status: string;
}

/** A job of the server's list in words. */
export function jobWords(
  { type, status, data }: JobRecord,
  workflows: readonly WorkflowDescription[],
): JobWords {
  const title = workflows.find((workflow) => workflow.type === type)?.title ?? type;
  const { originalFilename: file } = data;
  // The server names a job without a file after its workflow.
  return { name: file === type ? title : file, title, status: STATUS[status] };
}
