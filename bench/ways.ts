// How to process an image with ComfyUI without our server.
import type { ComfyConnection, Graph, OutputFile } from './ComfyConnection.js';
import type { Copy } from './pictures.js';

/** Removes the background of one image. */
export type Way = (machine: ComfyConnection, image: Copy) => Promise<void>;

const BOUNDARY = 'bench-upload';
const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`;
const FORM_TAIL = Buffer.from(`\r\n--${BOUNDARY}--\r\n`);
const field = (name: string, value: string) =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

/** File names that are reused in turn: more than are ever in use at the same time. */
const NAMES = 64;
let uploads = 0;

/** The minimum of requests, with ComfyUI's fastest nodes: upload, submit, fetch the file that the socket names. */
export const uploadAndPreview: Way = async (machine, { png }) => {
  uploads += 1;
  const head = `${field('type', 'temp')}${field('overwrite', 'true')}--${BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="bench-${uploads % NAMES}.png"\r\nContent-Type: image/png\r\n\r\n`;
  const form = Buffer.concat([Buffer.from(head), png, FORM_TAIL]);
  const { name } = (await machine.post('/upload/image', FORM_TYPE, form)) as { name: string };
  const { file } = await machine.run(
    removeBackground(
      { class_type: 'LoadImage', inputs: { image: `${name} [temp]` } },
      { class_type: 'PreviewImage', inputs: { images: ['2', 0], job: uploads } },
    ),
  );
  await machine.view(file);
};

/** What people typically write today: the image inside the prompt, `SaveImage`, and the file's name from the history. */
export const base64AndHistory: Way = async (machine, { png }) => {
  const { id } = await machine.run(
    removeBackground(
      { class_type: 'ETN_LoadImageBase64', inputs: { image: png.toString('base64') } },
      { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'bench' } },
    ),
  );
  const history = (await machine.getJson(`/history/${id}`)) as Record<
    string,
    { outputs: Record<string, { images: OutputFile[] }> }
  >;
  await machine.view(history[id]?.outputs['3']?.images[0]);
};

function removeBackground(load: Graph[string], save: Graph[string]): Graph {
  const cutOut = { class_type: 'InspyrenetRembg', inputs: { image: ['1', 0], torchscript_jit: 'default' } };
  return { '1': load, '2': cutOut, '3': save };
}
