import type fc from 'fast-check';
import type { Stack } from '../support/stack.js';

/** What came of one case: the status of each answer, with its code where it has one. */
type Answers = string[];

/** One way to attack: what the cases are, and what is done with one. */
export interface Target {
  readonly name: string;
  /** Of all cases, how many are this target's. */
  readonly share: number;
  /** Workflow files that the server has from the start. */
  readonly workflows?: Readonly<Record<string, string>>;
  property(stack: Stack, onAnswers: (answers: Answers) => void): fc.IAsyncProperty<unknown[]>;
}
