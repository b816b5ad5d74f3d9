import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { workflows } from '../../src/workflows/index.js';
import { defineWorkflow } from '../../src/workflows/types.js';
import { invertImage } from '../examples/invertImage.js';
import { distance, middle, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack?.stop());

describe("a workflow of one's own", () => {
  it('has its routes, runs, and is checked for on each instance', async () => {
    stack = await Stack.start({
      simulators: [{}, { withoutNodes: ['ImageInvert'] }],
      overrides: { workflows: [...workflows, invertImage] },
    });
    const picture = await png({ colour: { r: 10, g: 200, b: 100 } });
    for (let n = 0; n < 3; n += 1) {
      const { image, body } = await stack.client.process('invert-image', picture);
      expect(distance(await middle(image), { r: 245, g: 55, b: 155 })).toBeLessThan(4);
      expect(body.comfyui_instance).toBe(stack.simulator(0).host);
    }
    const id = await stack.client.submit('invert-image', picture, { format: 'webp' });
    expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', type: 'invert-image' });
  });

  it.each(['mode', 'format', 'webhook_url'])(
    'cannot have a parameter %s, which every route has',
    async (name) => {
      const clash = defineWorkflow({
        ...invertImage,
        parameters: z.object({ [name]: z.string().optional() }),
      });
      await expect(Stack.start({ overrides: { workflows: [clash] } })).rejects.toThrow(name);
    },
  );
});
