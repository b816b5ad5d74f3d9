import { z } from 'zod';
import type { NodeTime } from '../comfyui/NodeTimes.js';

const counted = z.object({ executions: z.number().nonnegative(), ms: z.number().nonnegative() });

/** As the metrics file keeps it: by workflow type, then by node class. */
export const nodeTallyState = z.record(z.string(), z.record(z.string(), counted));

/** Executions of the nodes of one class, and the time that they took, ms. */
type NodeCount = z.output<typeof counted>;

/** Classes that are told apart in one workflow type. */
const MAX_CLASSES = 50;
/** All others. */
const OTHER = '(other)';

/** Where the time goes: how long nodes were at work, by workflow type and node class. */
export class NodeTally {
  readonly #byType = new Map<string, Map<string, NodeCount>>();

  record(type: string, times: readonly NodeTime[]): void {
    for (const { classType, ms } of times) this.#add(type, classType, { executions: 1, ms });
  }

  /** Takes in what another one counted. */
  add(other: NodeTally): void {
    for (const [type, classes] of other.#byType) {
      for (const [name, count] of classes) this.#add(type, name, count);
    }
  }

  /** Classes by workflow type, those first that took longest. */
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
