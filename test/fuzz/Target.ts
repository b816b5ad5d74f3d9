import type fc from 'fast-check';
import type { Stack } from '../support/stack.js';

/** The result of a case: the status of each response, with its error code if any. */
type Answers = string[];

/** One kind of fuzzing: how cases are generated and run. */
export interface Target {
  readonly name: string;
  /** The share of all cases that this target gets. */
  readonly share: number;
  /** Workflow files of the server at its start. */
  readonly workflows?: Readonly<Record<string, string>>;
  property(stack: Stack, onAnswers: (answers: Answers) => void): fc.IAsyncProperty<unknown[]>;
}
