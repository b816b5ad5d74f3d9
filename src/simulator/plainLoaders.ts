import { decoded, fileBytes } from './loaders.js';
import type { NodeClass } from './nodeClass.js';

const loader: Omit<NodeClass, 'required'> = {
  output: ['IMAGE', 'MASK'],
  category: 'pack/image',
  run: async (inputs, context) => decoded(true)(fileBytes(inputs, 'image', context), context),
};

/**
 * Loaders as many packs have them, without `IS_CHANGED`: of the file, only its name is part of the cache signature. They have no
 * `VALIDATE_INPUTS` either: a list of files accepts only what is in the input folder, as in the core's `Load3D`.
 */
export const plainLoaders: Record<string, NodeClass> = {
  LoadNamedImage: { ...loader, required: { image: ['STRING', {}] } },
  LoadPackImage: {
    ...loader,
    required: { image: [[], { image_upload: true }] },
    file: { input: 'image', kind: 'image', isPlain: true },
  },
};
