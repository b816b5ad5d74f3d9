import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MiddlewareClient, MiddlewareError } from '../../src/client/index.js';
import { Stack } from '../support/stack.js';
import { userGraph } from '../support/userGraphs.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

const ADMIN = 'admin-key-of-sixteen';
const SUBMIT = 'submit-key-of-sixteen';
const GRAPH = userGraph('text-to-image');

let folder: WorkflowFiles;
let stack: Stack;
beforeEach(async () => {
  folder = await WorkflowFiles.create();
  stack = await Stack.start({
    env: { WORKFLOWS_DIR: folder.directory, API_KEYS: `ops:admin:${ADMIN},shop:${SUBMIT}` },
  });
});
afterEach(async () => {
  await stack.stop();
  await folder.delete();
});

const clientOf = (apiKey: string) => new MiddlewareClient({ baseUrl: stack.client.baseUrl, apiKey });

/** Returns the error code of a rejected request. */
async function refusal(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MiddlewareError);
  return error instanceof MiddlewareError ? `${error.status} ${error.code}` : '';
}

describe('the client, of an administrator,', () => {
  it('puts a workflow, which can be run at once, and deletes it', async () => {
    const client = clientOf(ADMIN);
    const put = await client.putWorkflow('my-flow', { graph: JSON.parse(GRAPH) });
    expect(put).toMatchObject({ type: 'my-flow', is_built_in: false, url: '/api/my-flow' });
    const shown = await client.workflow('my-flow');
    // What a machine reports about its inputs may be added in between.
    const { type, outputs: made, graph, manifest } = put;
    expect(shown).toMatchObject({ type, outputs: made, graph });
    expect(shown.manifest?.['outputs']).toEqual(manifest?.['outputs']);
    expect(Object.keys(shown.graph ?? {}).sort()).toEqual(Object.keys(JSON.parse(GRAPH)).sort());
    const { outputs } = await clientOf(SUBMIT).run('my-flow', { prompt: 'a boat' });
    expect(outputs[0].kind).toBe('image');
    await client.deleteWorkflow('my-flow');
    expect(await refusal(client.workflow('my-flow'))).toBe('404 WORKFLOW_NOT_FOUND');
    expect(await refusal(client.deleteWorkflow('my-flow'))).toBe('404 WORKFLOW_NOT_FOUND');
  });

  it('replaces a workflow, with the manifest of its own', async () => {
    const client = clientOf(ADMIN);
    const { manifest } = await client.putWorkflow('my-flow', { graph: GRAPH });
    const titled = await client.putWorkflow('my-flow', {
      graph: GRAPH,
      manifest: { ...manifest, title: 'Boats' },
    });
    expect([titled.title, titled.manifest?.['title']]).toEqual(['Boats', 'Boats']);
    expect((await client.workflows()).find(({ type }) => type === 'my-flow')?.title).toBe('Boats');
  });

  it('sends the text of a graph with numbers that JavaScript cannot hold', async () => {
    const graph = GRAPH.replace(/(?<="(?:noise_)?seed":\s*)\d+/, '18446744073709551615');
    expect(graph).toContain('18446744073709551615');
    const client = clientOf(ADMIN);
    await client.putWorkflow('my-flow', { graph });
    const text = await (await client.request('/api/workflows/my-flow')).text();
    expect(text).toContain('18446744073709551615');
  });

  it('hears what is wrong with a workflow', async () => {
    const client = clientOf(ADMIN);
    expect(await refusal(client.putWorkflow('my-flow', { graph: {} }))).toBe('422 INVALID_WORKFLOW');
    expect(await refusal(client.putWorkflow('my-flow', { graph: { nodes: [], links: [] } }))).toBe(
      '422 WORKFLOW_FORMAT_UI',
    );
    expect(await refusal(client.putWorkflow('a/b', { graph: GRAPH }))).toBe('422 INVALID_WORKFLOW');
    expect(await refusal(client.putWorkflow('upscale-image', { graph: GRAPH }))).toBe(
      '409 WORKFLOW_BUILT_IN',
    );
    expect(await refusal(client.deleteWorkflow('upscale-image'))).toBe('409 WORKFLOW_BUILT_IN');
    const over = AbortSignal.abort(new Error('enough'));
    await expect(client.putWorkflow('my-flow', { graph: GRAPH }, over)).rejects.toThrow('enough');
    expect(await refusal(client.workflow('my-flow'))).toBe('404 WORKFLOW_NOT_FOUND');
  });

  it('may do so with a key of the scope admin only', async () => {
    await clientOf(ADMIN).putWorkflow('my-flow', { graph: GRAPH });
    const client = clientOf(SUBMIT);
    const shown = await client.workflow('my-flow');
    expect(shown.type).toBe('my-flow');
    expect([shown.graph, shown.manifest]).toEqual([undefined, undefined]);
    expect(await refusal(client.putWorkflow('other', { graph: GRAPH }))).toBe('403 FORBIDDEN');
    expect(await refusal(client.deleteWorkflow('my-flow'))).toBe('403 FORBIDDEN');
  });
});
