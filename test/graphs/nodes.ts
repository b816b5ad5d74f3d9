/** Short forms to write the nodes of exported graphs. */
interface ExportedNode {
  class_type: string;
  inputs: Record<string, unknown>;
  _meta?: { title: string };
}

export type ExportedGraph = Record<string, ExportedNode>;

/** A node as "Export (API)" writes it; without a title it has no `_meta`. */
export function node(class_type: string, inputs: Record<string, unknown> = {}, title?: string): ExportedNode {
  return { inputs, class_type, ...(title !== undefined && { _meta: { title } }) };
}

export const checkpoint = (name = 'sd_xl_base_1.0.safetensors') =>
  node('CheckpointLoaderSimple', { ckpt_name: name }, 'Load Checkpoint');

export const encode = (text: unknown, title = 'CLIP Text Encode (Prompt)') =>
  node('CLIPTextEncode', { text, clip: ['4', 1] }, title);

/** A KSampler with model 4, positive 6, negative 7 and latent 5; `others` replaces any of its inputs. */
export const sampler = (others: Record<string, unknown> = {}, title = 'KSampler') =>
  node(
    'KSampler',
    {
      seed: 156680208700286,
      steps: 20,
      cfg: 8,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
      model: ['4', 0],
      positive: ['6', 0],
      negative: ['7', 0],
      latent_image: ['5', 0],
      ...others,
    },
    title,
  );

export const emptyLatent = (others: Record<string, unknown> = {}) =>
  node('EmptyLatentImage', { width: 512, height: 768, batch_size: 1, ...others }, 'Empty Latent Image');

export const decode = (samples: unknown = ['3', 0]) =>
  node('VAEDecode', { samples, vae: ['4', 2] }, 'VAE Decode');

export const save = (images: unknown = ['8', 0], title = 'Save Image') =>
  node('SaveImage', { filename_prefix: 'ComfyUI', images }, title);

export const loadImage = (image = 'example.png', title = 'Load Image') =>
  node('LoadImage', { image, upload: 'image' }, title);

/** Text to image as in ComfyUI's first example; `others` replaces or adds nodes. */
export function textToImage(others: Record<string, ExportedNode | undefined> = {}): ExportedGraph {
  const graph: Record<string, ExportedNode | undefined> = {
    '3': sampler(),
    '4': checkpoint(),
    '5': emptyLatent(),
    '6': encode('a bottle with a galaxy in it'),
    '7': encode('text, watermark'),
    '8': decode(),
    '9': save(),
    ...others,
  };
  return Object.fromEntries(
    Object.entries(graph).filter((entry): entry is [string, ExportedNode] => entry[1] !== undefined),
  );
}
