import { createHash } from 'node:crypto';
import type { Workflow } from './types.js';

/** Type of jobs whose client sent the graph. */
export const GRAPH_TYPE = 'graph';

/** No workflow type contains a space. */
const KEY_PREFIX = `${GRAPH_TYPE} `;

/**
 * What a machine needs to run a client's own graph. All jobs with such graphs have the same type, so machines are selected by the
 * key instead of the type.
 */
export interface GraphNeeds {
  /** The same for graphs with the same needs. */
  readonly key: string;
  readonly nodes: Workflow['requires']['nodes'];
  readonly models: Workflow['requires']['models'];
}

/** Undefined for a workflow with a type of its own. */
export function graphNeedsOf({
  type,
  requires,
}: Pick<Workflow, 'type' | 'requires'>): GraphNeeds | undefined {
  return type === GRAPH_TYPE ? needsOf(requires) : undefined;
}

/** The needs of a graph. */
export function needsOf({ nodes, models }: Workflow['requires']): GraphNeeds {
  const text = JSON.stringify([
    nodes.toSorted(),
    models.map(({ node, input, model }) => [node, input, model]).toSorted(),
  ]);
  const hash = createHash('sha256').update(text).digest('base64url');
  return { key: KEY_PREFIX + hash.slice(0, 22), nodes, models };
}

/** Whether a name is the key of a graph's needs, and not a workflow type. */
export function isGraphKey(name: string): boolean {
  return name.startsWith(KEY_PREFIX);
}
