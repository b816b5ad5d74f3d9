import { createHash } from 'node:crypto';
import type { Workflow } from './types.js';

/** Type of the jobs whose graph their client sent along. */
export const GRAPH_TYPE = 'graph';

/** No workflow type has a space. */
const KEY_PREFIX = `${GRAPH_TYPE} `;

/**
 * What a machine must have to run a client's own graph. Jobs of such graphs are all of one type, so machines go by the key in
 * place of the type.
 */
export interface GraphNeeds {
  /** The same for graphs that need the same. */
  readonly key: string;
  readonly nodes: Workflow['requires']['nodes'];
  readonly models: Workflow['requires']['models'];
}

/** undefined for a workflow that has a type of its own. */
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
