import { AppError } from '../../errors.js';

/** A problem with one node of a graph. It never quotes the value of an input, which may be secret. */
export interface NodeProblem {
  readonly node_id: string;
  readonly class_type?: string;
  readonly message: string;
}

/** A problem at one place of a manifest. */
export interface ManifestProblem {
  /** Such as `inputs.seed.kind`. */
  readonly path: string;
  readonly message: string;
}

interface Problems {
  readonly nodes?: readonly NodeProblem[];
  readonly manifest?: readonly ManifestProblem[];
}

/** Maximum problems in one error. */
const MAX_LISTED = 20;

/** An `INVALID_WORKFLOW` error: an invalid graph or manifest. */
export function invalidWorkflow(message: string, { nodes, manifest }: Problems = {}): AppError {
  const details = {
    ...(nodes && { nodes: nodes.slice(0, MAX_LISTED) }),
    ...(manifest && { manifest: manifest.slice(0, MAX_LISTED) }),
  };
  return new AppError('INVALID_WORKFLOW', message, Object.keys(details).length > 0 ? { details } : {});
}

/** A client's text for an error message: short, and in one line. */
export function quoted(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ');
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}
