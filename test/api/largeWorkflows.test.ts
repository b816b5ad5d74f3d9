/** Graphs for which the server once stopped, put as workflows. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { joinedTexts, linkedOutputs, secretInputs } from '../support/largeGraphs.js';
import { Stack } from '../support/stack.js';

let stack: Stack;

beforeAll(async () => {
  stack = await Stack.start({
    env: { WORKFLOWS_DIR: await mkdtemp(path.join(tmpdir(), 'workflows-')) },
  });
});
afterAll(() => stack.stop());

it.each([
  ['texts that many ways lead to', 'texts', joinedTexts(60), 201, undefined],
  ['many secrets', 'secrets', secretInputs(50, 300, () => 7), 201, undefined],
  ['as many outputs as there may be', 'most-outputs', linkedOutputs(100, 500, 50), 201, undefined],
  [
    'more outputs',
    'more-outputs',
    linkedOutputs(990, 500, 50),
    422,
    'The graph has more than 100 nodes that save or preview a result. List its outputs in a manifest.',
  ],
  [
    'more inputs than there may be',
    'more-inputs',
    secretInputs(101, 300, (n) => n),
    422,
    'The graph has more than 200 files and values that clients could change. List its inputs in a manifest.',
  ],
])('a workflow with %s is answered', async (_what, type, graph, status, error) => {
  const { body, status: given } = await request(stack.server).put(`/api/workflows/${type}`).send({ graph });
  expect([given, body.error]).toEqual([status, error]);
});
