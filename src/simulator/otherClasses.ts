import { MAX_SEED } from './diffusionNodes.js';
import type { InputSpecs, NodeClass } from './nodeClass.js';

/** Number of models in the lists of loaders. */
const MODELS = 300;
/** One class in so many is a loader. */
const LOADERS = 40;

/** Node classes as installed packs add them: a machine with 1,500 of them describes itself with some 3 MB. They do nothing. */
export function otherClasses(count: number): Record<string, NodeClass> {
  const models = Array.from({ length: MODELS }, (_, n) => `some folder/model number ${n} (fp16).safetensors`);
  const names = Array.from({ length: count }, (_, n) => `Pack node ${n}`);
  return Object.fromEntries(
    names.map((name, n) => [name, otherClass(n % LOADERS === 0 ? models : ['a', 'b'])]),
  );
}

function otherClass(choices: readonly string[]): NodeClass {
  const tooltip =
    'What this does to the image: the higher the value, the more of it. Most people leave it as it is.';
  const required: InputSpecs = {
    image: ['IMAGE'],
    choice: [choices, { tooltip }],
    seed: ['INT', { default: 0, min: 0, max: MAX_SEED, control_after_generate: true, tooltip }],
    strength: ['FLOAT', { default: 1, min: 0, max: 10, step: 0.01, tooltip }],
    text: ['STRING', { multiline: true, default: '', tooltip }],
  };
  return {
    required,
    optional: { mask: ['MASK', { tooltip }] },
    output: ['IMAGE', 'MASK'],
    category: 'pack/image',
    displayName: 'A node of a pack',
    description: tooltip,
    run: async ({ image }) => ({ values: [image, undefined] }),
  };
}
