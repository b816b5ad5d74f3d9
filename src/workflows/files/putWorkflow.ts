import type { Json } from '../../utils/losslessJson.js';
import { checkResults } from './checkManifest.js';
import { deriveManifest } from './deriveManifest.js';
import { type FileWorkflow, fileWorkflow } from './fileWorkflow.js';
import type { Manifest } from './manifest.js';
import type { NodeLookup } from './nodeInfo.js';
import { parseManifest } from './parseManifest.js';
import { readGraph } from './readGraph.js';
import { checkType } from './workflowType.js';

/** The context of a client's workflow. */
interface Known {
  /** Types of the built-in workflows. */
  readonly builtIn: ReadonlySet<string>;
  readonly infoOf: NodeLookup;
}

/**
 * Creates a workflow from a client's input.
 * @param manifest plain JSON; derived if omitted
 * @returns the workflow, and the client's manifest if there is one
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
  const workflow = fileWorkflow(type, read, own ?? deriveManifest(read), infoOf);
  checkResults(read, workflow.manifest);
  return { workflow, own };
}
