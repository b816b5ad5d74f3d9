import { z } from 'zod';

const graphNode = z.object({
  class_type: z.string(),
  inputs: z.record(z.string(), z.unknown()).default({}),
});

export const graphSchema = z.record(z.string(), graphNode);

export type GraphNode = z.output<typeof graphNode>;

export type Graph = z.output<typeof graphSchema>;

/** Where a prompt is when something is to happen to it: `upload` is when its picture comes. */
export const MOMENTS = ['upload', 'submit', 'pending', 'running', 'success', 'view'] as const;

export type Moment = (typeof MOMENTS)[number];

/** A prompt in the simulator's queue or history. */
export interface Prompt {
  readonly number: number;
  readonly id: string;
  readonly graph: Graph;
  readonly clientId: string | undefined;
  readonly extraData: Record<string, unknown>;
  /** Ids of the output nodes. */
  readonly outputs: readonly string[];
}

/** The form in which queue and history list a prompt: the whole of it, its images included. */
export function listed(prompt: Prompt): unknown[] {
  const extra = {
    ...prompt.extraData,
    ...(prompt.clientId === undefined ? {} : { client_id: prompt.clientId }),
  };
  return [prompt.number, prompt.id, prompt.graph, extra, prompt.outputs];
}

/** Inputs that tell whose prompt it is. */
const TELLING_INPUTS = ['filename_prefix', 'job'];

/**
 * What a trap recognises a prompt by: its id, the class names of its nodes, and what their inputs
 * `filename_prefix` and `job` say, with blanks between.
 */
export function descriptionOf({ id, graph }: { readonly id: string; readonly graph: Graph }): string {
  const words = Object.values(graph).flatMap(({ class_type, inputs }) => [
    class_type,
    ...TELLING_INPUTS.map((name) => inputs[name]).filter((value) => typeof value === 'string'),
  ]);
  return [id, ...words].join(' ');
}

/** Source node of an input that is a link, undefined for a plain value. */
export function linkSource(value: unknown): string | undefined {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' ? value[0] : undefined;
}
