import { z } from 'zod';
import { graphOf } from '../../src/workflows/graph.js';
import { defineWorkflow, type Workflow } from '../../src/workflows/types.js';

/** Models of every simulator, by the workflow that needs one. */
export const MODELS = { x: '4x_NMKD-Siax_200k.pth', y: '4x_foolhardy_Remacri.pth' } as const;

/** Node classes that take time in these workflows. */
export const WORKING_NODES = ['InspyrenetRembg', 'ImageUpscaleWithModel'] as const;

/** The declared duration of these workflows, seconds: wrong on purpose, to test estimates before there are measurements. */
const DECLARED_SECONDS = 10;

/**
 * Workflows that differ by the model file that they need: `x`, `y`, and `w` without a model. Jobs with different `colour` do not
 * share results in ComfyUI's cache.
 */
export function modelWorkflows(): Workflow[] {
  return [workflow('w', undefined), workflow('x', MODELS.x), workflow('y', MODELS.y)];
}

function workflow(type: string, model: string | undefined): Workflow {
  return defineWorkflow({
    type,
    title: type,
    description: `A workflow of ${model ?? 'no model file'}.`,
    estimateSeconds: DECLARED_SECONDS,
    files: [],
    parameters: z.object({ colour: z.coerce.number().int().default(0) }),
    outputs: [{ name: 'image', nodeId: 'save' }],
    isBuiltIn: false,
    build: (_, { colour }) =>
      graphOf({
        empty: { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: colour } },
        ...working(model),
        save: { class_type: 'PreviewImage', inputs: { images: ['work', 0] } },
      }),
    requires: {
      nodes: ['EmptyImage', 'PreviewImage'],
      models: model === undefined ? [] : [{ node: 'UpscaleModelLoader', input: 'model_name', model }],
    },
  });
}

/** Nodes that process the image of `empty`; the last one is `work`. */
function working(model: string | undefined): Parameters<typeof graphOf>[0] {
  const image = ['empty', 0] as const;
  if (model === undefined) {
    return { work: { class_type: 'InspyrenetRembg', inputs: { image, torchscript_jit: 'default' } } };
  }
  return {
    model: { class_type: 'UpscaleModelLoader', inputs: { model_name: model } },
    work: { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['model', 0], image } },
  };
}
