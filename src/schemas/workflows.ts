import { z } from 'zod';
import { outputFormat } from './common.js';

const inputKind = z.enum([
  ...['image', 'mask', 'video', 'audio', 'file'],
  ...['text', 'integer', 'number', 'boolean', 'choice', 'seed'],
] as const);

/** A file of a submission in JSON. */
export const inputFile = z.union([
  z.string().meta({ description: 'An http or https URL, or a data URI.' }),
  z.object({ asset_id: z.string() }),
]);

/** What a client sends under one name. */
export const workflowInput = z.object({
  name: z.string(),
  kind: inputKind,
  required: z.boolean(),
  title: z.string().optional(),
  description: z.string().optional(),
  /** JSON Schema of a value; absent for files. */
  schema: z.looseObject({}).optional(),
});

/** What an instance must have. */
export const workflowNeeds = z.object({
  nodes: z.array(z.string()),
  models: z.array(z.object({ node: z.string(), input: z.string(), model: z.string() })),
});

/** Whether an instance has it. */
export const workflowInstance = z.object({
  host: z.string(),
  can_run: z.boolean(),
  missing: z.array(z.string()),
});

/** One workflow of `GET /api/workflows`. */
export const workflow = z.object({
  type: z.string(),
  title: z.string(),
  description: z.string(),
  /** Written in TypeScript; the others come from files. */
  is_built_in: z.boolean(),
  url: z.string(),
  async_url: z.string(),
  /** Of a typical job: measured, or the declared estimate until there are enough measurements. */
  estimated_seconds: z.number().nonnegative(),
  formats: z.array(outputFormat),
  /** What a client sends, in the order of forms. */
  inputs: z.array(workflowInput),
  /** The outputs; the first one is the primary output. */
  outputs: z.array(z.object({ name: z.string(), node_id: z.string() })),
  /** JSON Schema of the workflow's own parameters, as form fields or in the query. */
  parameters: z.looseObject({ type: z.literal('object') }),
  requires: workflowNeeds,
  instances: z.array(workflowInstance),
});

/** `GET /api/workflows`. */
export const workflowsAnswer = z.object({ workflows: z.array(workflow) });

/** `GET` and `PUT /api/workflows/{type}`. */
export const workflowAnswer = workflow.extend({
  /**
   * As ComfyUI's "Export (API)" writes it, without secrets; for keys of the scope admin, for a workflow from a file.
   */
  graph: z.looseObject({}).optional(),
  /** The manifest of the file, or the derived one; for keys of the scope admin, for a workflow from a file. */
  manifest: z.looseObject({}).optional(),
});

/** The body of `PUT /api/workflows/{type}`. */
export const workflowBody = z.object({
  graph: z.looseObject({}).meta({ description: `The graph, exported from ComfyUI with "Export (API)".` }),
  manifest: z
    .looseObject({})
    .optional()
    .meta({ description: 'Names of inputs and outputs. Derived from the graph if omitted.' }),
});

/** `DELETE /api/workflows/{type}`. */
export const workflowDeletedAnswer = z.object({ type: z.string(), deleted: z.literal(true) });
