import type { WorkflowSource } from './options.js';

/**
 * The request that stores a workflow. A graph as text is sent unchanged, so that no number changes.
 * @throws TypeError for a graph that JSON cannot represent, such as one with bigints
 */
export function workflowRequest(
  { graph, manifest }: WorkflowSource,
  signal: AbortSignal | undefined,
): RequestInit {
  const parts = [`"graph":${typeof graph === 'string' ? graph : JSON.stringify(graph)}`];
  if (manifest !== undefined) parts.push(`"manifest":${JSON.stringify(manifest)}`);
  return {
    method: 'PUT',
    body: `{${parts.join(',')}}`,
    headers: { 'Content-Type': 'application/json' },
    signal: signal ?? null,
  };
}
