import { afterEach, describe, expect, it } from 'vitest';
import { anySyncAnswer } from '../../src/schemas/jobs.js';
import { fileOf, graphWorkflow } from '../support/graphWorkflow.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
afterEach(() => stack.stop());

/** Makes a picture, unless its branch is blocked, and a mask. */
const blocking = (message: string, outputs: Readonly<Record<string, string>>) =>
  graphWorkflow('two', {
    files: [{ name: 'image', kind: 'image', required: true }],
    outputs,
    build: (files) => ({
      '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
      '2': { class_type: 'BlockImage', inputs: { image: ['1', 0], message } },
      '3': { class_type: 'ImageInvert', inputs: { image: ['2', 0] } },
      '8': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'picture' } },
      '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'mask' } },
    }),
  });

/** The first output lacks what ComfyUI requires, so ComfyUI only runs the second. */
const refused = graphWorkflow('two', {
  files: [{ name: 'image', kind: 'image', required: true }],
  outputs: { picture: '8', mask: '9' },
  build: (files) => ({
    '1': { class_type: 'LoadImage', inputs: { image: fileOf(files, 'image') } },
    '2': { class_type: 'ImageScaleBy', inputs: { image: ['1', 0] } },
    '8': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'picture' } },
    '9': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'mask' } },
  }),
});

async function send(workflow: ReturnType<typeof blocking>, headers: Readonly<Record<string, string>> = {}) {
  stack = await Stack.start({ overrides: { workflows: [workflow] } });
  const body = new FormData();
  body.set('image', new Blob([new Uint8Array(await png())]), 'a.png');
  return stack.client.request('/api/two', { method: 'POST', body, headers });
}

async function names(response: Response): Promise<string[]> {
  expect(response.status).toBe(200);
  return anySyncAnswer.parse(await response.json()).outputs.map(({ name }) => name);
}

describe('the primary output', () => {
  it.each(['image/png', 'application/json'])(
    "is never replaced by another one: the job fails with ComfyUI's reason (%s)",
    async (Accept) => {
      const response = await send(blocking('no face', { picture: '8', mask: '9' }), { Accept });
      expect(response.status).toBe(502);
      const error = (await response.json()) as { code: string; error: string };
      expect(error).toMatchObject({ code: 'WORKFLOW_FAILED', error: expect.stringContaining('no face') });
      expect(stack.simulator().promptIds).toHaveLength(1);
    },
  );

  it('is not replaced either if ComfyUI refuses its branch', async () => {
    const response = await send(refused, { Accept: 'image/png' });
    expect(response.status).toBe(502);
    expect(JSON.stringify(await response.json())).toContain('Required input is missing');
  });

  it('is there although the branch of another output is blocked', async () => {
    const response = await send(blocking('no face', { mask: '9', picture: '8' }));
    expect(await names(response)).toEqual(['mask']);
  });
});
