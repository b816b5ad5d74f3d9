import { z } from 'zod';
import { outputFormat } from '../schemas/common.js';
import { toSeconds } from '../utils/clock.js';
import { route } from './route.js';
/** What can be run, with everything that a form for it needs. */
export function workflowRoutes(router, { workflows, estimates, instances }) {
    // They do not change while the server runs.
    const schemas = new Map(workflows.map(({ type, parameters }) => [type, parameterSchema(parameters)]));
    const list = (_request, response) => {
        const body = {
            workflows: workflows.map(({ type, title, description, requires }) => ({
                type,
                title,
                description,
                url: `/api/${type}`,
                async_url: `/api/async/${type}`,
                estimated_seconds: toSeconds(estimates.processingMs(type)),
                formats: [...outputFormat.options],
                parameters: schemas.get(type) ?? { type: 'object' },
                requires: { nodes: [...requires.nodes], models: [...requires.models] },
                instances: instances.map((instance) => ({
                    host: instance.host,
                    can_run: instance.canRun(type),
                    missing: [...(instance.health.missing.get(type) ?? [])],
                })),
            })),
        };
        response.json(body);
    };
    route(router, '/api/workflows', { get: list });
}
/** JSON Schema of what a client sends. Forms send text: what it stands for is in the parameter's own description. */
function parameterSchema(parameters) {
    const { $schema: _version, ...schema } = z.toJSONSchema(parameters, {
        io: 'input',
        override: ({ zodSchema, jsonSchema }) => {
            const { def } = zodSchema._zod;
            // It leaves out the default of whatever is transformed behind it.
            if (def.type === 'default')
                jsonSchema.default = def.defaultValue;
            if (jsonSchema.type !== 'string')
                delete jsonSchema.pattern;
        },
    });
    return { ...schema, type: 'object' };
}
//# sourceMappingURL=workflows.js.map