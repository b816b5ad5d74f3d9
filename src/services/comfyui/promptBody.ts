import { stringifyJson } from '../../utils/losslessJson.js';
import { GraphFile, graphJson, type PromptGraph } from '../../workflows/graph.js';

export interface PromptBody {
  readonly graph: PromptGraph;
  /** Names that files of the graph were uploaded as; the other files become base64. */
  readonly files: ReadonlyMap<GraphFile, string>;
  /** Id of the socket that hears this prompt's events. */
  readonly clientId: string;
  readonly promptId: string;
  /** Marks the prompt in ComfyUI's queue and history as this server's. */
  readonly serverId: string;
}

/** Where the mark is in `extra_data`. */
export const SERVER_MARK = 'comfyui_express';

// A placeholder that `JSON.stringify` writes unchanged and that no workflow has reason to contain.
const placeholder = (index: number) => `\u2063file:${index}\u2063`;

/**
 * Writes the body of `POST /prompt`. Its files are in memory; they become base64 here and nowhere else, straight into the bytes that
 * are sent. In one go: shorter strings fill the young generation, whose collections cost more than the long one.
 */
export function encodePromptBody({ graph, files, clientId, promptId, serverId }: PromptBody): Buffer {
  const inside: Buffer[] = [];
  const prompt = graphJson(graph, (file) => {
    const name = files.get(file);
    if (name !== undefined) return name;
    inside.push(file.bytes);
    return placeholder(inside.length - 1);
  });
  const rest = { client_id: clientId, prompt_id: promptId, extra_data: { [SERVER_MARK]: serverId } };
  const text = `{"prompt":${stringifyJson(prompt)},${JSON.stringify(rest).slice(1)}`;
  return inside.length === 0 ? Buffer.from(text) : withFiles(text, inside);
}

function withFiles(text: string, files: readonly Buffer[]): Buffer {
  const room = files.reduce((sum, { length }) => sum + base64Length(length), Buffer.byteLength(text));
  // Longer than is written by the placeholders alone. From no pool: it lives as long as its request.
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

/** The files of a graph, each once however many nodes read it. */
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
