import { workflowsAnswer } from '../../schemas/workflows.js';
import { workflowsView } from '../../views/workflowsView.js';
import { type Endpoint, TAGS } from '../Endpoint.js';

/** What can be run. */
export const workflowListEndpoints: readonly Endpoint[] = [
  {
    id: 'workflows',
    method: 'get',
    path: '/api/workflows',
    tag: TAGS.processing,
    summary: 'What can be run, with its parameters as JSON Schema, and which instances can.',
    access: 'key',
    responses: { 200: { description: 'The workflows.', schema: workflowsAnswer } },
    handler:
      ({ services: { workflows, estimates, instances } }) =>
      (_request, response) => {
        response.json(workflowsView(workflows.all(), estimates, instances));
      },
  },
];
