/** Numbers in JSON bodies, as programs in Python write them: with `.0`, or with an exponent. */
import { afterEach, expect, it } from 'vitest';
import { Stack } from '../support/stack.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

let stack: Stack;
afterEach(() => stack.stop());

const GRAPH = {
  '1': { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
  '3': { class_type: 'PreviewImage', inputs: { images: ['1', 0], seed: 1, style: '1.0' } },
};

const MANIFEST = `
inputs:
  width: { node: "1", field: width, kind: integer, minimum: 1, maximum: 64 }
  height: { node: "1", field: height, kind: choice, choices: [8, 16] }
  colour: { node: "1", field: color, kind: number, minimum: 0 }
  seed: { node: "3", field: seed, kind: seed }
  style: { node: "3", field: style, kind: choice, choices: ["1.0", "2.0"] }
outputs:
  image: { node: "2" }
`;

it('are read as the numbers that they are, and big ones stay exact', async () => {
  const folder = await WorkflowFiles.create({ 'plain.json': JSON.stringify(GRAPH), 'plain.yaml': MANIFEST });
  stack = await Stack.start({ env: { WORKFLOWS_DIR: folder.directory } });
  const post = async (body: string) => {
    const headers = { 'Content-Type': 'application/json' };
    const response = await stack.client.request('/api/async/plain', { method: 'POST', headers, body });
    return { status: response.status, json: JSON.parse(await response.text()) };
  };
  const parametersOf = async (body: string) => {
    const { status, json } = await post(body);
    expect([status, json]).toEqual([202, expect.anything()]);
    const job = await stack.services.manager.get(json.job_id);
    return JSON.parse(JSON.stringify(job.request.parameters));
  };
  expect(
    await parametersOf(
      '{"width":1.6e1,"height":16.0,"colour":2.0,"seed":1.8446744073709551615e19,"style":2.0,"priority":1e0,"deadline_seconds":6e1}',
    ),
  ).toMatchObject({ width: 16, height: 16, colour: 2, seed: '18446744073709551615', style: '2.0' });
  expect(
    await parametersOf('{"inputs":{"width":20.0,"height":8e0,"colour":25e-1,"seed":12.0}}'),
  ).toMatchObject({
    width: 20,
    height: 8,
    colour: 2.5,
    seed: 12,
  });
  // A random one.
  expect(await parametersOf('{"seed":-1.0}')).not.toHaveProperty('seed', -1);
  for (const body of [
    '{"width":1.65e1}',
    '{"width":1e2}',
    '{"height":12.0}',
    '{"priority":1.5}',
    '{"width":1e999}',
  ]) {
    expect([body, (await post(body)).status]).toEqual([body, 400]);
  }
  await folder.delete();
});

it('are read as a priority of the Comfy API v2', async () => {
  stack = await Stack.start();
  const workflow = JSON.stringify(GRAPH);
  const submit = async (priority: string) => {
    const response = await stack.client.request('/api/v2/jobs', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: `{"workflow":${workflow},"priority":${priority}}`,
    });
    return { status: response.status, json: JSON.parse(await response.text()) };
  };
  for (const [written, priority] of [
    ['2.0', 2],
    ['3e0', 3],
    ['-1.0', -1],
    ['12345678901234567890', 10],
  ] as const) {
    const { status, json } = await submit(written);
    expect([written, status]).toEqual([written, 201]);
    const job = await stack.services.manager.get(json.id.replace('job_', ''));
    expect([written, job.request.priority]).toEqual([written, priority]);
  }
  for (const written of ['1.5', '"2"', '1e999']) expect((await submit(written)).status).toBe(400);
});
