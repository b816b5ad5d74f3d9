import type { Json } from '../../utils/losslessJson.js';
import { deriveManifest } from './deriveManifest.js';
import { type FileWorkflow, fileWorkflow } from './fileWorkflow.js';
import type { Manifest } from './manifest.js';
import type { NodeLookup } from './nodeInfo.js';
import { parseManifest } from './parseManifest.js';
import { readGraph } from './readGraph.js';
import { checkType } from './workflowType.js';

/** What is known beside what a client sent. */
interface Known {
  /** Types of the workflows that are written in TypeScript. */
  readonly builtIn: ReadonlySet<string>;
  readonly infoOf: NodeLookup;
}

/**
 * Makes a workflow of what a client put.
 * @param manifest as JSON has it; without one, it is derived
 * @returns the workflow, and the manifest where the client sent one
 * @throws AppError `INVALID_WORKFLOW`, `WORKFLOW_FORMAT_UI`, `WORKFLOW_BUILT_IN`
 */
export function putWorkflow(
  type: string,
  graph: Json,
  manifest: unknown,
  { builtIn, infoOf }: Known,
): { workflow: FileWorkflow; own: Manifest | undefined } {
  checkType(type, builtIn);
  const read = readGraph(graph);
  const own = manifest === undefined ? undefined : parseManifest(manifest);
  return { workflow: fileWorkflow(type, read, own ?? deriveManifest(read), infoOf), own };
}
