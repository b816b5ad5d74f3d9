import { z } from 'zod';
import { outputFormat } from '../schemas/common.js';
import type { workflowsAnswer } from '../schemas/workflows.js';
import type { Instance } from '../services/instances/Instance.js';
import type { DurationEstimates } from '../services/jobs/estimates.js';
import { toSeconds } from '../utils/clock.js';
import type { Json } from '../utils/losslessJson.js';
import { isEndedGraph } from '../workflows/files/endedGraph.js';
import { isFileWorkflow } from '../workflows/files/fileWorkflow.js';
import { manifestDocument } from '../workflows/files/manifestDocument.js';
import { withoutSecrets } from '../workflows/files/secrets.js';
import { graphJson, type PromptGraph } from '../workflows/graph.js';
import type { Workflow } from '../workflows/types.js';

/** JSON Schema of each workflow's parameters, cached: a workflow never changes. */
const schemas = new WeakMap<Workflow, ParameterSchema>();

type ParameterSchema = { type: 'object' } & Record<string, unknown>;

type WorkflowView = z.input<typeof workflowsAnswer>['workflows'][number];
type InputView = WorkflowView['inputs'][number];

/** Data for the views of workflows. */
interface Parts {
  readonly estimates: DurationEstimates;
  readonly instances: readonly Instance[];
}

/** Returns the workflows with everything that a form needs. */
export function workflowsView(workflows: readonly Workflow[], parts: Parts): z.input<typeof workflowsAnswer> {
  return { workflows: workflows.map((workflow) => workflowView(workflow, parts)) };
}

/** Returns a workflow with everything that a form needs. */
export function workflowView(workflow: Workflow, { estimates, instances }: Parts): WorkflowView {
  const { type, title, description, isBuiltIn, outputs, requires } = workflow;
  return {
    type,
    title,
    description,
    is_built_in: isBuiltIn,
    url: `/api/${type}`,
    async_url: `/api/async/${type}`,
    estimated_seconds: toSeconds(estimates.processingMs(type)),
    formats: [...outputFormat.options],
    inputs: inputViews(workflow),
    outputs: outputs.map(({ name, nodeId }) => ({ name, node_id: nodeId })),
    parameters: parameterSchema(workflow),
    requires: { nodes: [...requires.nodes], models: [...requires.models] },
    instances: instances.map((instance) => ({
      host: instance.host,
      can_run: instance.canRun(type),
      missing: [...(instance.health.missing.get(type) ?? [])],
    })),
  };
}

/**
 * Returns graph and manifest of a workflow, for callers who may change it. Secrets in the graph are hidden.
 * @returns `undefined` for a workflow that does not come from a file
 */
export function workflowSource(
  workflow: Workflow,
): { readonly graph: Json; readonly manifest: Record<string, unknown> } | undefined {
  if (!isFileWorkflow(workflow)) return undefined;
  return { graph: shownGraph(workflow.graph), manifest: manifestDocument(workflow.manifest) };
}

/** Returns the graph of a job's workflow; undefined for a workflow without one, and if there was no more room for it. */
export function graphSource(workflow: Workflow): Json | undefined {
  if (isFileWorkflow(workflow)) return shownGraph(workflow.graph);
  const graph = isEndedGraph(workflow) ? workflow.kept.graph : undefined;
  return graph && shownGraph(graph);
}

function shownGraph(graph: PromptGraph): Json {
  return graphJson(withoutSecrets(graph), () => null);
}

/** Returns the inputs, in the order of the manifest if it exists, otherwise files first. */
function inputViews(workflow: Workflow): InputView[] {
  const { files, parameters } = workflow;
  const own = parameterSchema(workflow);
  const schemas = (own['properties'] ?? {}) as Record<string, Record<string, unknown>>;
  const needed = new Set((own['required'] ?? []) as string[]);
  const byName = new Map<string, InputView>(files.map((file) => [file.name, { ...file }]));
  for (const name of Object.keys(parameters.shape)) {
    const { title, description, 'x-kind': kind, ...schema } = schemas[name] ?? {};
    byName.set(name, {
      name,
      kind: kindOf(kind, schema),
      required: needed.has(name),
      ...(typeof title === 'string' && { title }),
      ...(typeof description === 'string' && { description }),
      schema,
    });
  }
  const order = isFileWorkflow(workflow) ? [...workflow.manifest.inputs.keys()] : [...byName.keys()];
  return order.flatMap((name) => byName.get(name) ?? []);
}

/** Returns the kind in the manifest, or the kind that a TypeScript parameter has by its schema. */
function kindOf(kind: unknown, schema: Record<string, unknown>): InputView['kind'] {
  if (kind !== undefined) return kind as InputView['kind'];
  if (Array.isArray(schema['enum'])) return 'choice';
  const { type } = schema;
  return type === 'integer' || type === 'number' || type === 'boolean' ? type : 'text';
}

function parameterSchema(workflow: Workflow): ParameterSchema {
  let schema = schemas.get(workflow);
  if (!schema) {
    schema = makeParameterSchema(workflow);
    schemas.set(workflow, schema);
  }
  return schema;
}

/** Returns the JSON Schema of the parameters that a client sends. Forms send text; the parameter's description explains it. */
function makeParameterSchema({ parameters }: Workflow): ParameterSchema {
  const { $schema: _version, ...schema } = z.toJSONSchema(parameters, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // It omits the default of schemas with a transformation.
      if (def.type === 'default')
        jsonSchema.default = (def as { defaultValue?: unknown }).defaultValue as boolean;
      if (jsonSchema.type !== 'string') delete jsonSchema.pattern;
    },
  });
  return { ...schema, type: 'object' };
}
