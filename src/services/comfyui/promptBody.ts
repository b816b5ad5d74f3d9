import { stringifyJson, type WritableJson } from '../../utils/losslessJson.js';
import { GraphFile, graphJson, type PromptGraph } from '../../workflows/graph.js';

export interface PromptBody {
  readonly graph: PromptGraph;
  /** Names of the graph's uploaded files; the other files become base64. */
  readonly files: ReadonlyMap<GraphFile, string>;
  /** Id of the socket that gets this prompt's messages. */
  readonly clientId: string;
  readonly promptId: string;
  /** Further entries of `extra_data`. */
  readonly extraData?: ReadonlyMap<string, WritableJson> | undefined;
  /** Marks the prompt in ComfyUI's queue and history as submitted by this server. */
  readonly serverId: string;
}

/** The key of the mark in `extra_data`. */
export const SERVER_MARK = 'comfyui_express';

// A placeholder that `JSON.stringify` writes unchanged and that no workflow is likely to contain.
const placeholder = (index: number) => `\u2063file:${index}\u2063`;

/**
 * Writes the body of `POST /prompt`. Its files are in memory; they become base64 only here, directly in the bytes to send. All at
 * once: shorter strings fill the young generation, whose collections cost more than one long string.
 */
export function encodePromptBody(body: PromptBody): Buffer {
  const { graph, files, clientId, promptId, extraData = [], serverId } = body;
  const inside: Buffer[] = [];
  const prompt = graphJson(graph, (file) => {
    const name = files.get(file);
    if (name !== undefined) return name;
    inside.push(file.bytes);
    return placeholder(inside.length - 1);
  });
  const rest = new Map<string, WritableJson>([
    ['client_id', clientId],
    ['prompt_id', promptId],
    ['extra_data', new Map<string, WritableJson>([...extraData, [SERVER_MARK, serverId]])],
  ]);
  const text = `{"prompt":${stringifyJson(prompt)},${stringifyJson(rest).slice(1)}`;
  return inside.length === 0 ? Buffer.from(text) : withFiles(text, inside);
}

function withFiles(text: string, files: readonly Buffer[]): Buffer {
  const room = files.reduce((sum, { length }) => sum + base64Length(length), Buffer.byteLength(text));
  // Longer than needed by the length of the placeholders. Not from the pool: it lives as long as its request.
  const body = Buffer.allocUnsafeSlow(room);
  let written = 0;
  let from = 0;
  for (const [index, file] of files.entries()) {
    const mark = placeholder(index);
    const at = text.indexOf(mark, from);
    written += body.write(text.slice(from, at), written);
    written += body.write(file.toString('base64'), written, 'latin1');
    from = at + mark.length;
  }
  written += body.write(text.slice(from), written);
  return body.subarray(0, written);
}

/** The files of a graph, each once even if several nodes read it. */
export function filesOf(graph: PromptGraph): GraphFile[] {
  const files = new Set<GraphFile>();
  for (const { inputs } of graph.values()) {
    for (const value of inputs.values()) if (value instanceof GraphFile) files.add(value);
  }
  return [...files];
}

/** The files that are sent inside a prompt, as base64. */
export function filesInside({ graph, files }: Pick<PromptBody, 'graph' | 'files'>): GraphFile[] {
  return filesOf(graph).filter((file) => !files.has(file));
}

const base64Length = (bytes: number) => 4 * Math.ceil(bytes / 3);
