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

/** Maximum problems in the details of one error. */
const MAX_LISTED = 20;
/** Maximum problems in one message. */
const MAX_IN_MESSAGE = 10;

/** An `INVALID_WORKFLOW` error: an invalid graph or manifest. */
export function invalidWorkflow(message: string, { nodes, manifest }: Problems = {}): AppError {
  const details = {
    ...(nodes && { nodes: nodes.slice(0, MAX_LISTED) }),
    ...(manifest && { manifest: manifest.slice(0, MAX_LISTED) }),
  };
  return new AppError('INVALID_WORKFLOW', message, Object.keys(details).length > 0 ? { details } : {});
}

/** All problems in one sentence without its full stop; the last ones of many are only counted. */
export function listOf(problems: readonly string[]): string {
  const more = problems.length - MAX_IN_MESSAGE;
  return [...problems.slice(0, MAX_IN_MESSAGE), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** A client's text for an error message: short, and in one line. */
export function quoted(text: string): string {
  const line = text.replaceAll(/\p{Cc}+/gu, ' ');
  return JSON.stringify(line.length > 60 ? `${line.slice(0, 60)}…` : line);
}
