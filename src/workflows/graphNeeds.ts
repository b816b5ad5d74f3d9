import { createHash } from 'node:crypto';
import type { Workflow } from './types.js';

/** Type of jobs whose client sent the graph. */
export const GRAPH_TYPE = 'graph';

/** No workflow type contains a space. */
const KEY_PREFIX = `${GRAPH_TYPE} `;

/**
 * What a machine needs to run a job whose needs depend on the client: its own graph, or a workflow with another model. Machines
 * are selected by the key instead of the type.
 */
export interface GraphNeeds {
  /** The same for jobs of one type with the same needs. */
  readonly key: string;
  readonly nodes: Workflow['requires']['nodes'];
  readonly models: Workflow['requires']['models'];
  /** Only of a workflow with a type of its own. Entries of older servers have none. */
  readonly labels?: Workflow['requires']['labels'];
}

/** The parts of a job that decide what it needs. */
interface Needy {
  readonly workflow: Pick<Workflow, 'type' | 'requires' | 'requiresWith'>;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Undefined for a job that needs what its workflow declares. */
export function jobNeedsOf({ workflow, parameters }: Needy): GraphNeeds | undefined {
  const { type, requires } = workflow;
  if (type === GRAPH_TYPE) return needsOf(requires);
  const changed = workflow.requiresWith?.(parameters);
  return changed && needsOf(changed, type);
}

/**
 * The needs of a graph.
 * @param type of its workflow, if it is not a client's own graph
 */
export function needsOf({ nodes, models, labels }: Workflow['requires'], type?: string): GraphNeeds {
  const text = JSON.stringify([
    nodes.toSorted(),
    models.map(({ node, input, model }) => [node, input, model]).toSorted(),
    ...(labels ? [labels.toSorted()] : []),
  ]);
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, HASH_LENGTH);
  const key = KEY_PREFIX + (type === undefined ? hash : `${hash} ${type}`);
  return { key, nodes, models, ...(labels && { labels }) };
}

const HASH_LENGTH = 22;

/** Whether a name is the key of a graph's needs, and not a workflow type. */
export function isGraphKey(name: string): boolean {
  return name.startsWith(KEY_PREFIX);
}

/**
 * Returns the workflow type of jobs.
 * @param name their type, or the key of their needs
 */
export function typeOfKind(name: string): string {
  if (!isGraphKey(name)) return name;
  return name.slice(KEY_PREFIX.length + HASH_LENGTH + 1) || GRAPH_TYPE;
}
