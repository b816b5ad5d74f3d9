import { openImage } from '../utils/openImage.js';
import { MAX_PIXELS } from './images.js';
import { loadImage, loadImageBase64 } from './loaders.js';
import type { NodeClass, NodeContext, NodeOutput } from './nodeClass.js';
import { nodeClasses } from './nodes.js';
import type { ModelFolders } from './options.js';
import { imageSavers } from './savers.js';

/**
 * The same classes, but images are passed on as the bytes that were received, so that measurements do not include the simulator's
 * image processing.
 */
export function echoClasses(models: ModelFolders, isOlder: boolean): Record<string, NodeClass> {
  const classes = nodeClasses(models, isOlder);
  const echoed = (name: string) => ({ ...(classes[name] as NodeClass), run: handOn });
  return {
    ...classes,
    ETN_LoadImageBase64: loadImageBase64(asItCame),
    LoadImage: loadImage(asItCame),
    EmptyImage: {
      ...(classes['EmptyImage'] as NodeClass),
      run: async () => ({ values: [Buffer.alloc(64)] }),
    },
    InspyrenetRembg: echoed('InspyrenetRembg'),
    ImageUpscaleWithModel: echoed('ImageUpscaleWithModel'),
    ...imageSavers({
      images: (inputs) => [inputs['images']],
      encode: async (bytes) => bytes as Buffer,
      pixels: (bytes) => pixelsOf(bytes as Buffer),
    }),
  };
}

async function asItCame(bytes: Buffer, context: NodeContext): Promise<NodeOutput> {
  await context.charge('decode', () => pixelsOf(bytes), performance.now());
  return { values: [bytes, undefined] };
}

const handOn: NodeClass['run'] = async (inputs, context) => {
  await context.step(1, 1);
  return { values: [inputs['image'], undefined] };
};

/** Reads the size from the header only; 0 if the bytes are no image. */
async function pixelsOf(bytes: Buffer): Promise<number> {
  const { width, height } = await openImage(bytes, MAX_PIXELS)
    .metadata()
    .catch(() => ({ width: 0, height: 0 }));
  return width * height;
}
