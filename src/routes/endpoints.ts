import type { Workflow } from '../workflows/types.js';
import type { Endpoint } from './Endpoint.js';
import { circuitBreakerEndpoints } from './rest/circuitBreakers.js';
import { docsEndpoint } from './rest/docsPage.js';
import { documentEndpoints } from './rest/documents.js';
import { jobEventEndpoint, systemEventEndpoint } from './rest/events.js';
import { instanceEndpoints } from './rest/instances.js';
import { jobEndpoints, jobListEndpoints, jobStatusEndpoint } from './rest/jobs.js';
import { metricsEndpoints } from './rest/metrics.js';
import { outputEndpoint } from './rest/outputs.js';
import { resultEndpoints } from './rest/results.js';
import { sessionEndpoint } from './rest/session.js';
import { statusEndpoints } from './rest/status.js';
import { submissionEndpoints } from './rest/submissions.js';
import { workflowEndpoints } from './rest/workflows.js';
import { comfyAssetEndpoints } from './v2/assets.js';
import { comfyDocumentEndpoint } from './v2/document.js';
import { comfyEventEndpoint } from './v2/events.js';
import { comfyHealthEndpoint } from './v2/health.js';
import { comfyJobEndpoints } from './v2/jobs.js';

/** Every endpoint that does not belong to a workflow, in the order of the documents. */
export const fixedEndpoints: readonly Endpoint[] = [
  ...jobListEndpoints,
  jobStatusEndpoint,
  ...resultEndpoints,
  outputEndpoint,
  jobEventEndpoint,
  ...jobEndpoints,
  ...workflowEndpoints,
  sessionEndpoint,
  systemEventEndpoint,
  ...statusEndpoints,
  ...metricsEndpoints,
  ...instanceEndpoints,
  ...circuitBreakerEndpoints,
  ...comfyJobEndpoints,
  comfyEventEndpoint,
  ...comfyAssetEndpoints,
  comfyHealthEndpoint,
  comfyDocumentEndpoint,
  ...documentEndpoints,
  docsEndpoint,
];

/** Returns every endpoint of a server with these workflows, in the order of the documents. */
export function allEndpoints(workflows: readonly Workflow[]): readonly Endpoint[] {
  return [...workflows.flatMap(submissionEndpoints), ...fixedEndpoints];
}
