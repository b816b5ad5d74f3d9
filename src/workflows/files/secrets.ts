import { isJsonObject, type Json } from '../../utils/losslessJson.js';
import { GraphFile, type GraphNode, type GraphValue, linkOf, type PromptGraph } from '../graph.js';
import type { Target } from './manifest.js';

const SECRET_FIELD =
  /api_?key|secret|passw(or)?d|passphrase|credential|authorization|bearer|(^|_|access|auth|api|hf|bot)token$/;
const SECRET_VALUE =
  /^\s*(bearer\s+\S+|(sk|pk|rk)-[\w-]{16,}|hf_\w{16,}|gh[pousr]_\w{16,}|AKIA\w{12,}|AIza[\w-]{20,})\s*$/i;

/** Shown instead of a secret. */
const HIDDEN = '(hidden)';

/** Whether an input with this name holds a secret, such as an API key. */
function isSecretField(name: string): boolean {
  const words = name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
  return SECRET_FIELD.test(words.replaceAll(/[\s.-]+/g, '_'));
}

/** The secrets of one graph. */
export class Secrets {
  readonly #graph: PromptGraph;
  #sources: ReadonlySet<string> | undefined;

  constructor(graph: PromptGraph) {
    this.#graph = graph;
  }

  /**
   * Whether the value of an input is a secret: by the name of the input, by its format, or by the destination of its
   * node's output.
   */
  has({ node, field }: Target): boolean {
    if (isSecretValue(field, this.#graph.get(node)?.inputs.get(field))) return true;
    // Finding them takes a look at every input of the graph.
    this.#sources ??= secretSources(this.#graph);
    return this.#sources.has(node);
  }
}

/** The graph for display, with hidden secrets. */
export function withoutSecrets(graph: PromptGraph): PromptGraph {
  const sources = secretSources(graph);
  return new Map(
    [...graph].map(([id, node]): [string, GraphNode] => {
      const inputs = [...node.inputs].map(([field, value]): [string, GraphValue] => [
        field,
        hidden(field, value, sources.has(id)),
      ]);
      return [id, { ...node, inputs: new Map(inputs) }];
    }),
  );
}

/** Nodes whose output goes into a secret input. */
function secretSources(graph: PromptGraph): ReadonlySet<string> {
  const sources = new Set<string>();
  for (const node of graph.values()) {
    for (const [field, value] of node.inputs) {
      const link = isSecretField(field) ? linkOf(value) : undefined;
      if (link !== undefined) sources.add(link[0]);
    }
  }
  return sources;
}

function isSecretValue(field: string, value: GraphValue | undefined): boolean {
  if (linkOf(value) !== undefined) return false;
  return isSecretField(field) || (typeof value === 'string' && SECRET_VALUE.test(value.slice(0, 500)));
}

function hidden(field: string, value: GraphValue, isSource: boolean): GraphValue {
  if (value instanceof GraphFile) return value;
  const isText = typeof value === 'string' && value !== '';
  if (isText && (isSource || isSecretValue(field, value))) return HIDDEN;
  return hiddenInside(field, value);
}

/** Objects inside a value have names, too. */
function hiddenInside(field: string, value: Json): Json {
  if (isJsonObject(value))
    return new Map([...value].map(([key, item]): [string, Json] => [key, hiddenInside(key, item)]));
  if (Array.isArray(value) && linkOf(value) === undefined)
    return value.map((item) => hiddenInside(field, item));
  return typeof value === 'string' && value !== '' && isSecretValue(field, value) ? HIDDEN : value;
}
