import { jsonMemory } from '../../utils/jsonMemory.js';
import { sizeOfEntries } from '../../utils/PackedJson.js';
import { GraphFile } from '../graph.js';
import type { FileWorkflow } from './fileWorkflow.js';

/** About the bytes of a workflow without nodes, and of each node besides its values. */
const WORKFLOW_BYTES = 8000;
const NODE_BYTES = 300;

/** The size of each workflow: several limits need it, and a large graph has many values. */
const known = new WeakMap<FileWorkflow, number>();

/** Estimates how many bytes of memory a workflow takes. */
export function graphMemory(workflow: FileWorkflow): number {
  const bytes = known.get(workflow) ?? measure(workflow);
  known.set(workflow, bytes);
  return bytes;
}

function measure({ graph, extraData }: FileWorkflow): number {
  let sum = WORKFLOW_BYTES + (extraData ? sizeOfEntries(extraData) : 0);
  for (const { inputs, others } of graph.values()) {
    sum += NODE_BYTES;
    if (others) sum += jsonMemory(others);
    for (const value of inputs.values()) if (!(value instanceof GraphFile)) sum += jsonMemory(value);
  }
  return sum;
}
