import { MAX_NODES, MAX_RESULTS } from '../graphLimits.js';
import type { InputKind } from './inputKinds.js';

/** Maximum inputs of a manifest, whether it is a user's or derived: other servers must be able to read it. */
export const MAX_INPUTS = 200;
/** Maximum outputs of a manifest. For a client's graph, all nodes that save or show something are outputs. */
export const MAX_OUTPUTS = MAX_RESULTS;
/** Maximum targets of an input: one at each node of the largest graph. */
export const MAX_TARGETS = MAX_NODES;
/** Maximum targets of all inputs. */
export const MAX_ALL_TARGETS = 20_000;

/** A simple value. Integers beyond 2^53 are bigints. */
export type Scalar = string | number | bigint | boolean;

/** The destination of an input's value. */
export interface Target {
  readonly node: string;
  readonly field: string;
}

/** The manifest's declaration of an input. */
export interface ManifestInput {
  /** The nodes that get the value. */
  readonly targets: readonly Target[];
  readonly kind: InputKind;
  /** Files are required unless this is false; values are required only if this is true. */
  readonly required?: boolean | undefined;
  /** Only if it differs from the graph's own value. */
  readonly default?: Scalar | undefined;
  readonly minimum?: number | bigint | undefined;
  readonly maximum?: number | bigint | undefined;
  readonly step?: number | undefined;
  /** Characters of a text. */
  readonly maxLength?: number | undefined;
  readonly choices?: readonly Scalar[] | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
}

/** A workflow's manifest: named inputs and outputs. */
export interface Manifest {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly estimateSeconds?: number | undefined;
  /** Labels of the machines that may run the workflow; all machines if empty. */
  readonly labels?: readonly string[] | undefined;
  /** By name, in the order of forms and documents. */
  readonly inputs: ReadonlyMap<string, ManifestInput>;
  /** By name; the first one is the primary output. */
  readonly outputs: ReadonlyMap<string, { readonly node: string }>;
}
