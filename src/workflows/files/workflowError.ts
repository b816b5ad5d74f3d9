import { AppError } from '../../errors.js';

/** What is wrong with one node of a graph. It never quotes the value of an input, which may be a secret. */
export interface NodeProblem {
  readonly node_id: string;
  readonly class_type?: string;
  readonly message: string;
}

/** What is wrong at one place of a manifest. */
export interface ManifestProblem {
  /** Such as `inputs.seed.kind`. */
  readonly path: string;
  readonly message: string;
}

interface Problems {
  readonly nodes?: readonly NodeProblem[];
  readonly manifest?: readonly ManifestProblem[];
}

/** Problems that one error lists at most. */
const MAX_LISTED = 20;

/** An error of code `INVALID_WORKFLOW`: a graph or a manifest that cannot be used. */
export function invalidWorkflow(message: string, { nodes, manifest }: Problems = {}): AppError {
  const details = {
    ...(nodes && { nodes: nodes.slice(0, MAX_LISTED) }),
    ...(manifest && { manifest: manifest.slice(0, MAX_LISTED) }),
  };
  return new AppError('INVALID_WORKFLOW', message, Object.keys(details).length > 0 ? { details } : {});
}

/** Client text for an error message: short, and in one line. */
export function quoted(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ');
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}
