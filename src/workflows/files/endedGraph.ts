import { PackedJson } from '../../utils/PackedJson.js';
import { graphJson, type PromptGraph } from '../graph.js';
import { GRAPH_TYPE } from '../graphNeeds.js';
import type { Workflow } from '../types.js';
import { unrunnableWorkflow } from '../unrunnableWorkflow.js';
import { isFileWorkflow } from './fileWorkflow.js';
import { readGraph } from './readGraph.js';

/** A client's own graph after the end of its job: it never runs again, and is only shown. */
interface EndedGraph extends Workflow {
  readonly kept: KeptGraph;
}

/** A packed graph, until there is no more room for it. */
class KeptGraph {
  /** Number of its nodes. */
  readonly nodes: number;
  #packed: PackedJson | undefined;

  constructor(graph: PromptGraph) {
    this.nodes = graph.size;
    this.#packed = new PackedJson(graphJson(graph, () => null));
  }

  /** Bytes in memory. */
  get size(): number {
    return this.#packed?.size ?? 0;
  }

  /** Parsed each time; `undefined` after `drop`. */
  get graph(): PromptGraph | undefined {
    return this.#packed && readGraph(this.#packed.value);
  }

  drop(): void {
    this.#packed = undefined;
  }
}

const ENDED = unrunnableWorkflow(
  { type: GRAPH_TYPE, title: 'Graph', description: 'The graph of a client whose job has ended.' },
  () => new Error('The job of the graph has ended.'),
);

/** Returns what is kept of the workflow of a job that has ended: a workflow that jobs share is kept unchanged. */
export function endedWorkflow(workflow: Workflow): Workflow {
  if (workflow.type !== GRAPH_TYPE || !isFileWorkflow(workflow)) return workflow;
  const ended: EndedGraph = { ...ENDED, kept: new KeptGraph(workflow.graph) };
  return ended;
}

/** Whether a workflow is a client's own graph whose job has ended. */
export function isEndedGraph(workflow: Workflow): workflow is EndedGraph {
  return 'kept' in workflow;
}
