import type { InputKind } from './inputKinds.js';

/** A simple value. An integer beyond 2^53 is a bigint. */
export type Scalar = string | number | bigint | boolean;

/** Where an input's value goes. */
export interface Target {
  readonly node: string;
  readonly field: string;
}

/** What a manifest says of one input. */
export interface ManifestInput {
  /** The nodes that get the value. */
  readonly targets: readonly Target[];
  readonly kind: InputKind;
  /** Files are required unless this is false; values are required only where this is true. */
  readonly required?: boolean | undefined;
  /** Only where it is not the graph's own value. */
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

/** What a workflow's file says beside its graph: named inputs and outputs. */
export interface Manifest {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly estimateSeconds?: number | undefined;
  /** Of the machines that may run it; all of them where there are none. */
  readonly labels?: readonly string[] | undefined;
  /** By name, in the order of forms and documents. */
  readonly inputs: ReadonlyMap<string, ManifestInput>;
  /** By name; the first one is the primary output. */
  readonly outputs: ReadonlyMap<string, { readonly node: string }>;
}
