/** The relevant part of ComfyUI's `GET /object_info` about a node class. */
export interface NodeInfo {
  readonly input: {
    readonly required?: InputInfos | undefined;
    readonly optional?: InputInfos | undefined;
  };
  readonly output_name?: readonly unknown[] | undefined;
  readonly output_node?: boolean | undefined;
  readonly display_name?: string | undefined;
}

/** By name: a type or a list of choices, then options such as `min`, `max` and `tooltip`. */
type InputInfos = Readonly<Record<string, readonly unknown[]>>;

/** Looks up a node class; undefined if it is unknown. */
export type NodeLookup = (classType: string) => NodeInfo | undefined;

/** For a graph without known machines. */
export const noNodeInfo: NodeLookup = () => undefined;

/** The declared options of an input; empty if there are none. */
export function optionsOf(info: NodeInfo | undefined, field: string): Readonly<Record<string, unknown>> {
  const options = declaration(info, field)[1];
  return typeof options === 'object' && options !== null ? (options as Record<string, unknown>) : {};
}

/**
 * The choices of an input. Both formats of ComfyUI are supported: `[["a", "b"], {…}]` and `["COMBO", { options: ["a",
 * "b"] }]`.
 */
export function choicesOf(info: NodeInfo | undefined, field: string): readonly unknown[] | undefined {
  const [kind] = declaration(info, field);
  const choices = Array.isArray(kind) ? kind : optionsOf(info, field)['options'];
  return Array.isArray(choices) ? choices : undefined;
}

function declaration(info: NodeInfo | undefined, field: string): readonly unknown[] {
  const { required, optional } = info?.input ?? {};
  for (const inputs of [required, optional])
    if (inputs && Object.hasOwn(inputs, field)) return inputs[field] ?? [];
  return [];
}
