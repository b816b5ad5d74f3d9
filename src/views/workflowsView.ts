import { z } from 'zod';
import { outputFormat } from '../schemas/common.js';
import type { workflowsAnswer } from '../schemas/workflows.js';
import type { Instance } from '../services/instances/Instance.js';
import type { DurationEstimates } from '../services/jobs/estimates.js';
import { toSeconds } from '../utils/clock.js';
import type { Workflow } from '../workflows/types.js';

/** JSON Schema of each workflow's parameters: a workflow never changes. */
const schemas = new WeakMap<Workflow, ParameterSchema>();

type ParameterSchema = { type: 'object' } & Record<string, unknown>;

/** What can be run, with everything that a form for it needs. */
export function workflowsView(
  workflows: readonly Workflow[],
  estimates: DurationEstimates,
  instances: readonly Instance[],
): z.input<typeof workflowsAnswer> {
  return {
    workflows: workflows.map((workflow) => {
      const { type, title, description, requires } = workflow;
      return {
        type,
        title,
        description,
        url: `/api/${type}`,
        async_url: `/api/async/${type}`,
        estimated_seconds: toSeconds(estimates.processingMs(type)),
        formats: [...outputFormat.options],
        parameters: parameterSchema(workflow),
        requires: { nodes: [...requires.nodes], models: [...requires.models] },
        instances: instances.map((instance) => ({
          host: instance.host,
          can_run: instance.canRun(type),
          missing: [...(instance.health.missing.get(type) ?? [])],
        })),
      };
    }),
  };
}

function parameterSchema(workflow: Workflow): ParameterSchema {
  let schema = schemas.get(workflow);
  if (!schema) {
    schema = makeParameterSchema(workflow);
    schemas.set(workflow, schema);
  }
  return schema;
}

/** JSON Schema of what a client sends. Forms send text: what it stands for is in the parameter's own description. */
function makeParameterSchema({ parameters }: Workflow): ParameterSchema {
  const { $schema: _version, ...schema } = z.toJSONSchema(parameters, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // It leaves out the default of whatever is transformed behind it.
      if (def.type === 'default')
        jsonSchema.default = (def as { defaultValue?: unknown }).defaultValue as boolean;
      if (jsonSchema.type !== 'string') delete jsonSchema.pattern;
    },
  });
  return { ...schema, type: 'object' };
}
