import sharp from 'sharp';
import { expect } from 'vitest';
import { type SamplerSettings, sampledColours } from '../../src/simulator/latents.js';
import { distance, pixel, type Rgb } from './pictures.js';
import { type UserGraph, userFiles } from './userGraphs.js';

/** A submission for a user's graph, and the expected result. */
export interface GraphExample {
  readonly graph: UserGraph;
  /** Names of the inputs for the graph's files, in the order of `userFiles`. */
  readonly fileInputs: readonly string[];
  /** Values of other inputs. */
  readonly values: Readonly<Record<string, string | number>>;
  /** The expected description of each output. */
  readonly outputs: readonly Readonly<Record<string, unknown>>[];
  /** Whether the server chooses a seed if none is sent. */
  readonly hasSeed: boolean;
  /** @returns the problem with the outputs; undefined if they were made from the inputs */
  readonly problem: (outputs: readonly Buffer[], seed: string) => Promise<string | undefined>;
}

const V1 = 'v1-5-pruned-emaonly-fp16.safetensors';
const XL = 'sd_xl_base_1.0.safetensors';
/** The background colour of `drawing`. */
const BACKGROUND = { r: 236, g: 236, b: 236 };

/** The colour of a cell in the sampler's image for an empty latent; cells are in rows of four. */
function cellOf(settings: SamplerSettings, index = 0, cell = 0): Rgb {
  const [r = 0, g = 0, b = 0] = sampledColours(settings, index).subarray(3 * cell);
  return { r, g, b };
}

const mixed = (a: Rgb, b: Rgb, share: number): Rgb => ({
  r: a.r + (b.r - a.r) * share,
  g: a.g + (b.g - a.g) * share,
  b: a.b + (b.b - a.b) * share,
});

/** Checks that a pixel of an image has a colour. */
async function colourProblem(
  picture: Buffer | undefined,
  [x, y]: readonly [number, number],
  expected: Rgb,
  tolerance = 1,
): Promise<string | undefined> {
  if (!picture) return 'there is no picture';
  const found = await pixel(picture, x, y);
  if (distance(found, expected) <= tolerance) return undefined;
  return `at ${x}, ${y} it is ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`;
}

/** Returns the first problem found. */
async function firstProblem(checks: readonly Promise<string | undefined>[]): Promise<string | undefined> {
  return (await Promise.all(checks)).find((problem) => problem !== undefined);
}

const isMp4With =
  (words: string) =>
  async ([file]: readonly Buffer[]) => {
    if (file?.toString('latin1', 4, 8) !== 'ftyp') return 'it is no MP4 file';
    return file.toString('latin1').includes(words) ? undefined : `it does not say ${words}`;
  };

/** The name of a PNG file with a number. */
const numbered = (prefix: string) => expect.stringMatching(new RegExp(`^${prefix}_\\d{5}_\\.png$`));

const TEXTS = { prompt: 'an owl, größer 🦉', negative_prompt: 'day' };
const WRITTEN = { positive: TEXTS.prompt, negative: TEXTS.negative_prompt };
const PNG = { name: 'image', kind: 'image', mime_type: 'image/png' };
const MP4 = { name: 'video', kind: 'video', mime_type: 'video/mp4' };

/** The examples for `USER_GRAPHS`, in that order. */
export const GRAPH_EXAMPLES: readonly GraphExample[] = [
  {
    graph: 'text-to-image',
    fileInputs: [],
    values: { ...TEXTS, steps: 3, cfg: 4.5, width: 72, height: 64 },
    outputs: [{ ...PNG, node_id: '9', width: 72, height: 64, filename: numbered('ComfyUI') }],
    hasSeed: true,
    problem: ([picture], seed) =>
      colourProblem(
        picture,
        [1, 1],
        cellOf({ model: V1, ...WRITTEN, seed, steps: 3, cfg: 4.5, sampler: 'euler', scheduler: 'normal' }),
      ),
  },
  {
    graph: 'image-to-image',
    fileInputs: ['photo_to_restyle'],
    values: { ...TEXTS, denoise: 0.25 },
    outputs: [{ ...PNG, node_id: '9', width: 64, height: 48, filename: numbered('photo') }],
    hasSeed: true,
    problem: ([picture], seed) => {
      const settings = { steps: 12, cfg: 7.5, sampler: 'dpmpp_2m', scheduler: 'karras' };
      const fresh = cellOf({ model: XL, ...WRITTEN, seed, ...settings });
      return colourProblem(picture, [1, 1], mixed(BACKGROUND, fresh, 0.25), 4);
    },
  },
  {
    graph: 'inpainting',
    fileInputs: ['image', 'mask'],
    values: { ...TEXTS, steps: 2 },
    outputs: [{ ...PNG, node_id: '9', width: 64, height: 64, filename: numbered('inpaint') }],
    hasSeed: true,
    problem: ([picture], seed) => {
      const settings = { steps: 2, cfg: 8, sampler: 'uni_pc', scheduler: 'normal' };
      const model = '512-inpainting-ema.safetensors';
      // Row 1, column 1; the mask begins at 16.
      const fresh = cellOf({ model, ...WRITTEN, seed, ...settings }, 0, 5);
      return firstProblem([
        colourProblem(picture, [4, 4], BACKGROUND),
        colourProblem(picture, [20, 20], fresh),
      ]);
    },
  },
  {
    graph: 'blend',
    fileInputs: ['image', 'image_2'],
    values: {},
    outputs: [{ ...PNG, node_id: '7', width: 64, height: 48 }],
    hasSeed: false,
    problem: ([picture]) =>
      colourProblem(picture, [32, 24], mixed({ r: 200, g: 40, b: 40 }, { r: 40, g: 40, b: 200 }, 0.3), 2),
  },
  {
    graph: 'batch-of-four',
    fileInputs: [],
    values: { ...TEXTS, batch_size: 3, width: 64, height: 64 },
    outputs: Array.from({ length: 3 }, () => ({
      ...PNG,
      node_id: '5',
      width: 64,
      height: 64,
      filename: numbered('teapot'),
    })),
    hasSeed: true,
    problem: (pictures, seed) => {
      const settings = { steps: 8, cfg: 6, sampler: 'euler_ancestral', scheduler: 'sgm_uniform' };
      return firstProblem(
        pictures.map((picture, n) =>
          colourProblem(picture, [1, 1], cellOf({ model: XL, ...WRITTEN, seed, ...settings }, n)),
        ),
      );
    },
  },
  {
    graph: 'animated-webp',
    fileInputs: [],
    values: { ...TEXTS, fps: 20, batch_size: 3 },
    outputs: [{ ...PNG, mime_type: 'image/webp', node_id: '136', width: 128, height: 96 }],
    hasSeed: true,
    problem: async ([file]) => {
      const { pages, delay, format } = await sharp(file, { animated: true }).metadata();
      const found = JSON.stringify([format, pages, delay]);
      return found === '["webp",3,[50,50,50]]' ? undefined : found;
    },
  },
  {
    graph: 'video-gifs',
    fileInputs: ['video'],
    values: { fps: 25 },
    outputs: [{ ...MP4, node_id: '61' }],
    hasSeed: false,
    problem: isMp4With('"frame_rate":25'),
  },
  {
    graph: 'video-images',
    fileInputs: ['soundtrack'],
    values: { ...TEXTS, fps: 12, batch_size: 2 },
    outputs: [{ ...MP4, node_id: '58' }],
    hasSeed: true,
    problem: isMp4With('{"fps":12,"frames":2,"audio":{"samples":1600,"sample_rate":8000}}'),
  },
  {
    graph: 'caption',
    fileInputs: ['image'],
    values: {},
    outputs: [{ name: 'text', kind: 'text', mime_type: 'text/plain', node_id: '4', filename: 'text.txt' }],
    hasSeed: true,
    problem: async ([text]) => {
      const said = String(text);
      const isRight =
        /^more_detailed_caption: A 60 x 40 picture, mostly #[0-9a-f]{6}\. what is in the middle\?$/.test(
          said,
        );
      return isRight ? undefined : said;
    },
  },
  {
    graph: 'expanding',
    fileInputs: ['negative'],
    values: {},
    outputs: [{ ...PNG, node_id: 'save', filename: numbered('positive') }],
    hasSeed: false,
    problem: ([picture]) => colourProblem(picture, [24, 16], { r: 55, g: 215, b: 215 }, 2),
  },
];

/** The files of an example, by input name. */
export async function exampleFiles({ graph, fileInputs }: GraphExample): Promise<Record<string, Buffer>> {
  const files = await userFiles(graph);
  return Object.fromEntries(files.map(({ bytes }, n) => [fileInputs[n] ?? '', bytes]));
}
