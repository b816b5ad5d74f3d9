import { expect, it } from 'vitest';
import { errorForClient } from '../../src/services/native/errorForClient.js';
import { parseJson } from '../../src/utils/losslessJson.js';

const UPLOAD = 'comfyui-express-0c1d7b9e-6f8a-4c7a-9a51-0d2f6f0a1b2c-1a2b3c4d-0.png';
const OTHER = UPLOAD.replace('-0.png', '-1.webp');

it('shows a client its own file names and values, and nothing of the machine', () => {
  const graph = parseJson(
    '{"1": {"class_type": "LoadImage", "inputs": {"image": "sub/photo.png [output]", "seed": 18446744073709551615, "model": ["2", 0]}}}',
    { maxDepth: 10 },
  );
  const data = {
    prompt_id: 'p',
    node_id: '1',
    exception_message: `No such file: '/opt/ComfyUI/temp/${UPLOAD}', nor ${OTHER}`,
    traceback: ['  File "/opt/ComfyUI/execution.py", line 496, in execute\n'],
    current_inputs: {
      image: [`${UPLOAD} [temp]`],
      seed: [1],
      model: ['tensor([[0.5]])'],
      prompt: [{ '1': { inputs: { image: UPLOAD } } }],
    },
    current_outputs: ['2'],
  };
  const text = errorForClient(JSON.stringify({ type: 'execution_error', data }), graph);
  expect(text).toContain('"seed":[18446744073709551615]');
  expect(JSON.parse(text).data).toEqual({
    ...data,
    exception_message: "No such file: '/opt/ComfyUI/temp/sub/photo.png', nor uploaded-file",
    traceback: [],
    current_inputs: { image: ['sub/photo.png [output]'], seed: [expect.any(Number)] },
  });
});

it('leaves other messages as they are', () => {
  const text = '{"type":"execution_error","data":[]}';
  expect(errorForClient(text, null)).toBe(text);
});
