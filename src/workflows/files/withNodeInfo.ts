import { isDeepStrictEqual } from 'node:util';
import { type FileWorkflow, fileWorkflow } from './fileWorkflow.js';
import type { NodeLookup } from './nodeInfo.js';

/** The workflow with what the machines report about its nodes; the same object if nothing changes. */
export function withNodeInfo(workflow: FileWorkflow, infoOf: NodeLookup): FileWorkflow {
  const next = fileWorkflow(workflow.type, workflow.graph, workflow.manifest, infoOf);
  return isDeepStrictEqual(next.inputs, workflow.inputs) ? workflow : next;
}
