import { type Json, jsonOf, stringifyJson } from '../../utils/losslessJson.js';
import type { MachineMessage } from '../comfyui/machineMessages.js';
import type { CancelledJob, CompletedJob, FailedJob } from '../jobs/Job.js';
import { sentNode } from './sentNode.js';

/** The end of a job, as far as it decides about the end of its prompt. */
export type JobEnd = CompletedJob | FailedJob | Pick<CancelledJob, 'status'>;

/** How a prompt ended, in ComfyUI's terms. */
export type PromptEnd = 'success' | 'error' | 'interrupted';

interface Ending {
  readonly end: PromptEnd;
  readonly type: string;
  /** The message for the client. */
  readonly text: string;
}

interface Known {
  /** The machine's message about the end, with the ids of the client. */
  readonly held: MachineMessage | undefined;
  readonly promptId: string;
  readonly graph: () => Json;
  /** The running node. */
  readonly node: string | undefined;
  /** Nodes that ran before it. */
  readonly executed: readonly string[];
  /** Epoch ms. */
  readonly now: number;
}

/** Returns the message that ends a prompt: the machine's own message if it agrees with the job. */
export function closingMessage(job: JobEnd, known: Known): Ending {
  const { held, promptId, now } = known;
  const [end, type] = endOf(job, held);
  if (held?.type === type) return { end, type, text: held.text };
  // A whole number, as in ComfyUI: typed clients may refuse any other.
  const about = { prompt_id: promptId, ...detailsOf(job, known), timestamp: Math.floor(now) };
  return { end, type, text: stringifyJson(jsonOf({ type, data: about })) };
}

function endOf(job: JobEnd, held: MachineMessage | undefined): readonly [PromptEnd, string] {
  const success = ['success', 'execution_success'] as const;
  if (job.status === 'completed') return success;
  if (job.status === 'cancelled') return ['interrupted', 'execution_interrupted'];
  // Nodes that send their images over the socket leave no files, which ComfyUI counts as success. A file that is not the prompt's
  // own, or that cannot be read, is no success: the client would not get it.
  if (job.failure.kind === 'no output' && held?.type === 'execution_success') return success;
  return ['error', 'execution_error'];
}

function detailsOf(job: JobEnd, { graph, node, executed }: Known): Record<string, unknown> {
  if (job.status === 'completed') return {};
  const nodeType = node === undefined ? '' : textOf(sentNode(graph(), node).get('class_type'));
  if (job.status === 'cancelled') return { node_id: node ?? '', node_type: nodeType, executed };
  const { details, message, category } = job.failure;
  const said = typeof details === 'object' ? details : {};
  return {
    node_id: said['node_id'] ?? node ?? '',
    node_type: said['node_class'] ?? nodeType,
    executed,
    exception_message: said['message'] ?? message,
    exception_type: said['exception_type'] ?? category,
    traceback: [],
    current_inputs: {},
    current_outputs: [],
  };
}

const textOf = (value: Json | undefined) => (typeof value === 'string' ? value : '');
