import { z } from 'zod';
import type { NodeTime } from '../comfyui/NodeTimes.js';

const counted = z.object({ executions: z.number().nonnegative(), ms: z.number().nonnegative() });

/** Format in the metrics file: by workflow type, then by node class. */
export const nodeTallyState = z.record(z.string(), z.record(z.string(), counted));

/** Number and total time, in ms, of the executions of one node class. */
type NodeCount = z.output<typeof counted>;

/** Maximum number of node classes per workflow type. */
const MAX_CLASSES = 50;
/** Stands for all other classes. */
const OTHER = '(other)';

/** Execution times of nodes, by workflow type and node class. */
export class NodeTally {
  readonly #byType = new Map<string, Map<string, NodeCount>>();

  record(type: string, times: readonly NodeTime[]): void {
    for (const { classType, ms } of times) this.#add(type, classType, { executions: 1, ms });
  }

  /** Adds the counts of another tally. */
  add(other: NodeTally): void {
    for (const [type, classes] of other.#byType) {
      for (const [name, count] of classes) this.#add(type, name, count);
    }
  }

  /** Returns node classes by workflow type, the slowest first. */
  all(): Map<string, Array<{ readonly classType: string } & Readonly<NodeCount>>> {
    const sorted = ([type, classes]: [string, Map<string, NodeCount>]) => {
      const counts = [...classes].map(([classType, count]) => ({ classType, ...count }));
      return [type, counts.sort((a, b) => b.ms - a.ms)] as const;
    };
    return new Map([...this.#byType].map(sorted));
  }

  toState(): z.output<typeof nodeTallyState> {
    return Object.fromEntries(
      [...this.#byType].map(([type, classes]) => [type, Object.fromEntries(classes)]),
    );
  }

  static fromState(state: z.output<typeof nodeTallyState>): NodeTally {
    const tally = new NodeTally();
    for (const [type, classes] of Object.entries(state)) {
      for (const [name, count] of Object.entries(classes)) tally.#add(type, name, count);
    }
    return tally;
  }

  #add(type: string, name: string, { executions, ms }: NodeCount): void {
    const classes = this.#byType.get(type) ?? new Map<string, NodeCount>();
    this.#byType.set(type, classes);
    const key = classes.has(name) || classes.size < MAX_CLASSES ? name : OTHER;
    const before = classes.get(key) ?? { executions: 0, ms: 0 };
    classes.set(key, { executions: before.executions + executions, ms: before.ms + ms });
  }
}
