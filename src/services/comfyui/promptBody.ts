import type { PromptGraph } from '../../workflows/types.js';
import { Base64Image } from '../../workflows/types.js';

interface PromptBody {
  readonly graph: PromptGraph;
  /** Id of the socket that hears this prompt's events. */
  readonly clientId: string;
  readonly promptId: string;
}

// A placeholder that `JSON.stringify` writes unchanged and that no workflow has reason to contain.
const placeholder = (index: number) => `\u2063image:${index}\u2063`;

/**
 * Writes the body of `POST /prompt`. Images become base64 here and nowhere else, straight into the bytes that
 * are sent, so that no string of the image is kept about.
 */
export function encodePromptBody({ graph, clientId, promptId }: PromptBody): Buffer {
  const images: Buffer[] = [];
  const text = JSON.stringify({ prompt: graph, client_id: clientId, prompt_id: promptId }, (_key, value) => {
    if (!(value instanceof Base64Image)) return value;
    images.push(value.bytes);
    return placeholder(images.length - 1);
  });
  const parts: Buffer[] = [];
  let rest = text;
  for (const [index, image] of images.entries()) {
    const mark = placeholder(index);
    const at = rest.indexOf(mark);
    parts.push(Buffer.from(rest.slice(0, at)), Buffer.from(image.toString('base64'), 'latin1'));
    rest = rest.slice(at + mark.length);
  }
  parts.push(Buffer.from(rest));
  return Buffer.concat(parts);
}
