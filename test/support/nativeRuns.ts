import { randomUUID } from 'node:crypto';
import type { NativeClient } from './NativeClient.js';

/** The place of a file, as ComfyUI names it. */
export type Image = Readonly<Record<'filename' | 'subfolder' | 'type', string>>;

/** A prompt that loads an image as node 1 and saves it as node 2. */
export const save = (image: string, filename_prefix = 'copy', class_type = 'SaveImage') => ({
  '1': { class_type: 'LoadImage', inputs: { image } },
  '2': { class_type, inputs: { images: ['1', 0], ...(class_type === 'SaveImage' && { filename_prefix }) } },
});

/** Submits a prompt and waits for its end. @returns its status and the first file of node 2 */
export async function run(client: NativeClient, prompt: object): Promise<{ status: string; image: Image }> {
  const client_id = randomUUID();
  const socket = await client.connect(client_id);
  const { status, json, text } = await client.submit({ prompt, client_id });
  if (status !== 200) throw new Error(text);
  await socket.ended(json.prompt_id);
  const { [json.prompt_id]: entry } = await client.json(`/history/${json.prompt_id}`);
  return { status: entry.status.status_str, image: entry.outputs['2']?.images[0] };
}
