import { GraphImage, type PromptGraph } from '../../workflows/types.js';

export interface PromptBody {
  readonly graph: PromptGraph;
  /** Files that pictures of the graph were uploaded as; the others become base64. */
  readonly files: ReadonlyMap<GraphImage, string>;
  /** Id of the socket that hears this prompt's events. */
  readonly clientId: string;
  readonly promptId: string;
  /** Marks the prompt in ComfyUI's queue and history as this server's. */
  readonly serverId: string;
}

/** Where the mark is in `extra_data`. */
export const SERVER_MARK = 'comfyui_express';

// A placeholder that `JSON.stringify` writes unchanged and that no workflow has reason to contain.
const placeholder = (index: number) => `\u2063image:${index}\u2063`;

/**
 * Writes the body of `POST /prompt`. Images become base64 here and nowhere else, straight into the bytes that
 * are sent. In one go: shorter strings fill the young generation, whose collections cost more than the long one.
 */
export function encodePromptBody({ graph, files, clientId, promptId, serverId }: PromptBody): Buffer {
  const images: Buffer[] = [];
  const body = {
    prompt: graph,
    client_id: clientId,
    prompt_id: promptId,
    extra_data: { [SERVER_MARK]: serverId },
  };
  const text = JSON.stringify(body, (_key, value) => {
    if (!(value instanceof GraphImage)) return value;
    const file = files.get(value);
    if (file !== undefined) return file;
    images.push(value.bytes);
    return placeholder(images.length - 1);
  });
  return images.length === 0 ? Buffer.from(text) : withImages(text, images);
}

function withImages(text: string, images: readonly Buffer[]): Buffer {
  const room = images.reduce((sum, { length }) => sum + base64Length(length), Buffer.byteLength(text));
  // Longer than is written by the placeholders alone. From no pool: it lives as long as its request.
  const body = Buffer.allocUnsafeSlow(room);
  let written = 0;
  let from = 0;
  for (const [index, image] of images.entries()) {
    const mark = placeholder(index);
    const at = text.indexOf(mark, from);
    written += body.write(text.slice(from, at), written);
    written += body.write(image.toString('base64'), written, 'latin1');
    from = at + mark.length;
  }
  written += body.write(text.slice(from), written);
  return body.subarray(0, written);
}

/** The pictures of a graph. */
export function imagesOf(graph: PromptGraph): GraphImage[] {
  const values = Object.values(graph).flatMap((node) => Object.values(node.inputs));
  return values.filter((value) => value instanceof GraphImage);
}

/** Bytes of the pictures that are sent inside a prompt, before they are base64. */
export function imageBytes({ graph, files }: Pick<PromptBody, 'graph' | 'files'>): number {
  const inside = imagesOf(graph).filter((image) => !files.has(image));
  return inside.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

const base64Length = (bytes: number) => 4 * Math.ceil(bytes / 3);
