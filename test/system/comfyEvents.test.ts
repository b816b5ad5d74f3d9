import { afterEach, expect, it } from 'vitest';
import { comfyOutput, comfyProgress } from '../../src/schemas/comfy.js';
import {
  assetReference,
  ComfyApiClient,
  invertGraph,
  runningOn,
  samplerGraph,
  withIds,
} from '../support/comfyApi.js';
import { png } from '../support/pictures.js';
import { type Received, readEvents } from '../support/serverSentEvents.js';
import { Stack, type StackOptions } from '../support/stack.js';

let stack: Stack;
let api: ComfyApiClient;
afterEach(() => stack.stop());

async function start(options: StackOptions = {}): Promise<void> {
  stack = await Stack.start(options);
  api = new ComfyApiClient(stack.client.baseUrl);
}

async function eventsOf(
  id: string,
  onEvent: (event: Received) => void = () => undefined,
): Promise<Received[]> {
  const events: Received[] = [];
  for await (const event of readEvents(await api.client.request(`/api/v2/jobs/${id}/events`))) {
    events.push(event);
    onEvent(event);
  }
  return events;
}

const named = (events: readonly Received[], name: string) =>
  events.filter(({ event }) => event === name).map(({ data }) => data);

it('events begin with the current state and end behind the final status', async () => {
  await start({ simulators: [{ workMs: { KSampler: 1500 } }] });
  stack.simulator().faults.hang = true;
  const { id } = await api.submit(samplerGraph(10));
  await api.until(id, ({ status }) => status === 'running');
  const startedAt = performance.now();
  const events = await eventsOf(id, () => {
    stack.simulator().faults.hang = false;
  });
  const seconds = (performance.now() - startedAt) / 1000;
  expect(events[0]).toMatchObject({ event: 'status', data: { status: 'running', queue_position: null } });
  expect(events.at(-1)).toMatchObject({ event: 'status', data: { status: 'succeeded' } });
  expect(events.map((event) => event.id)).toEqual(events.map(() => ''));
  const progress = named(events, 'progress').map((data) => comfyProgress.parse(data));
  // Two per second, besides the first and the last one, which reports the end.
  expect(progress.length).toBeLessThanOrEqual(2 * seconds + 3);
  const values = progress.map(({ value }) => value);
  expect(values).toEqual(values.toSorted((a, b) => a - b));
  expect(progress.at(-1)).toMatchObject({ value: 1, nodes_done: 6, nodes_total: 6 });
  const steps = progress.filter(({ current_node_class }) => current_node_class === 'KSampler');
  expect(steps.some(({ step, steps: all, current_node }) => step && all === 10 && current_node === '3')).toBe(
    true,
  );
  expect(named(events, 'output').map((data) => comfyOutput.parse(data).node_id)).toEqual(['9']);
});

it('an output is there before the job ends: listed, told and readable', async () => {
  await start();
  const picture = await api.asset(await png());
  // The sampler never ends, and the image is inverted before or during its run.
  stack.simulator().faults.hang = true;
  const graph = { ...invertGraph(assetReference(picture.id)), ...withIds(samplerGraph(2), 100) };
  const { id } = await api.submit(graph);
  const job = await api.until(id, ({ outputs }) => outputs.length > 0);
  expect(job).toMatchObject({ status: 'running', outputs: [{ node_id: '3', type: 'image' }] });
  const [output] = job.outputs;
  const early = await api.bytes(output?.url ?? '');
  expect(early.length).toBe(output?.size_bytes);
  let hasOutput: (id: string) => void = () => undefined;
  const told = new Promise<string>((resolve) => {
    hasOutput = resolve;
  });
  const following = eventsOf(id, ({ event, data }) => {
    if (event === 'output') hasOutput(comfyOutput.parse(data).id);
  });
  expect(await told).toBe(output?.id);
  stack.simulator().faults.hang = false;
  const ended = await api.ended(id);
  expect(ended.outputs.map(({ id: one }) => one)[0]).toBe(output?.id);
  expect(await api.bytes(output?.url ?? '')).toEqual(early);
  const outputs = named(await following, 'output').map((data) => comfyOutput.parse(data).id);
  expect(outputs.toSorted()).toEqual(ended.outputs.map(({ id: one }) => one).toSorted());
});

it('a preview is told, with the node that it is of', async () => {
  await start();
  const picture = await api.asset(await png());
  stack.simulator().faults.hang = true;
  const graph = {
    ...invertGraph(assetReference(picture.id), 'SaveImageWebsocket'),
    ...withIds(samplerGraph(2), 100),
  };
  const { id } = await api.submit(graph);
  let onPreview: (data: unknown) => void = () => undefined;
  const preview = new Promise<unknown>((resolve) => {
    onPreview = resolve;
  });
  const following = eventsOf(id, ({ event, data }) => {
    if (event === 'preview') onPreview(data);
  });
  expect(await preview).toMatchObject({
    node_id: '3',
    content_type: 'image/png',
    data_base64: expect.stringMatching(/^iVBOR/),
  });
  stack.simulator().faults.hang = false;
  expect((await following).at(-1)).toMatchObject({ data: { status: 'succeeded' } });
});

it('of a job that has ended only the end is told, with its outputs', async () => {
  await start();
  const { id } = await api.ended((await api.submit(samplerGraph(1))).id);
  for (const _time of [1, 2]) {
    expect((await eventsOf(id)).map(({ event }) => event)).toEqual(['output', 'progress', 'status']);
  }
  stack.simulator().faults.hang = true;
  const cancelled = await api.submit(samplerGraph(1, 2));
  await api.client.request(`/api/v2/jobs/${cancelled.id}/cancel`, { method: 'POST' });
  expect(await eventsOf(cancelled.id)).toMatchObject([{ event: 'status', data: { status: 'canceled' } }]);
});

it('a job that fails over says so, and begins anew on another machine', async () => {
  await start({ simulators: [{}, {}] });
  for (const { faults } of stack.simulators) faults.hang = true;
  const { id } = await api.submit(samplerGraph(3));
  const following = eventsOf(id);
  const first = await runningOn(stack);
  for (const { faults } of stack.simulators) faults.hang = false;
  await stack.simulator(first).crash();
  const events = await following;
  expect(events.at(-1)).toMatchObject({ event: 'status', data: { status: 'succeeded' } });
  expect(named(events, 'log')).toMatchObject([{ level: 'warning' }]);
  expect(named(events, 'output')).toHaveLength(1);
});
