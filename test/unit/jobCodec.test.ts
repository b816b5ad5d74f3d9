import { describe, expect, it } from 'vitest';
import type { Job, JobRequest } from '../../src/services/jobs/Job.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import { JobCodec } from '../../src/services/queue/redis/JobCodec.js';
import { WorkflowDefinitions } from '../../src/services/queue/redis/WorkflowDefinitions.js';
import { NumberText, stringifyJson } from '../../src/utils/losslessJson.js';
import { parseTagged, stringifyTagged } from '../../src/utils/taggedJson.js';
import { deriveManifest } from '../../src/workflows/files/deriveManifest.js';
import { type FileWorkflow, fileWorkflow, isFileWorkflow } from '../../src/workflows/files/fileWorkflow.js';
import { readManifest } from '../../src/workflows/files/manifestText.js';
import { readGraph } from '../../src/workflows/files/readGraph.js';
import { GraphFile, graphJson } from '../../src/workflows/graph.js';
import { imageNodes } from '../../src/workflows/imageNodes.js';
import { workflows } from '../../src/workflows/index.js';
import { JOB_REQUEST } from '../support/jobRequest.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { USER_GRAPHS, userGraph } from '../support/userGraphs.js';

/** Two servers and the workflow definitions that they share. */
function servers() {
  const log = new RecordingLogger();
  const shared = new Map<string, string>();
  const server = () => {
    const definitions = new WorkflowDefinitions(workflows, async (names) =>
      names.map((name) => shared.get(name) ?? null),
    );
    return { definitions, codec: new JobCodec(definitions, log) };
  };
  const [here, there] = [server(), server()];
  /** Encodes a job on one server like the store, and decodes it on the other. */
  const carry = async (job: Job): Promise<Job | undefined> => {
    const text = here.codec.encode(job);
    const name = here.definitions.nameOf(job.request.workflow);
    const definition = here.codec.definitionOf(job);
    if (name !== undefined && definition !== undefined) shared.set(name, definition);
    return there.codec.decode(job.id, text);
  };
  return { here, there, shared, log, carry };
}

function workflowOf(graph: string): FileWorkflow {
  const read = readGraph(graph);
  return fileWorkflow('my-flow', read, deriveManifest(read));
}

const pending = (request: Partial<JobRequest> = {}): Job => ({
  id: 'a',
  status: 'pending',
  request: { ...JOB_REQUEST, ...request },
  createdTime: 1_790_000_000_000.123,
  updatedTime: 1,
  attempts: 0,
  progress: 0,
  failedTries: [],
});

/** The job in every state, with every variant of it. */
function everyState(job: Job): Job[] {
  const failure = {
    message: 'm "quoted"\n',
    code: 'WORKFLOW_FAILED',
    category: 'internal',
    details: { n: 1n },
  } as const;
  const steps: Array<(one: Job) => Job | undefined> = [
    (one) => transitions.begin(one, 2, 'gpu-1:8188'),
    (one) => transitions.withPrompt(one, 3, 'p'),
    (one) => transitions.withProgress(one, 4, 50.25, 'KSampler'),
    (one) =>
      transitions.requeue(one, 5, {
        failure: 'no answer',
        isFree: true,
        wasTrial: false,
        leftBehind: 'p',
      }),
    (one) => transitions.begin(one, 6, '[::1]:8188'),
  ];
  const states = [job];
  for (const step of steps) states.push(step(states.at(-1) ?? job) ?? job);
  const last = states.at(-1) ?? job;
  const output = { name: 'image', nodeId: '9', kind: 'image', mimeType: 'image/png', sizeBytes: 5 } as const;
  const result = {
    promptId: 'p',
    outputs: [{ ...output, filename: 'größer 🦉.png', width: 1, text: '\u2028' }],
  } as const;
  const ends = [
    transitions.complete(last, 7, result),
    transitions.fail(last, 7, failure),
    transitions.fail(job, 7, { ...failure, details: undefined }),
    transitions.cancel(last, 7),
    transitions.cancel(job, 7),
  ];
  return [...states, ...ends.flatMap((end) => end ?? [])];
}

/** The prompt for ComfyUI, with a file for each input. */
function promptOf({ workflow, parameters }: JobRequest): string {
  const files = new Map(workflow.files.map(({ name }) => [name, new GraphFile(Buffer.from(name), 'png')]));
  const graph = workflow.build(files, parameters, imageNodes('upload'));
  return stringifyJson(graphJson(graph, (file) => file.bytes.toString()));
}

describe('a job as a text', () => {
  it.each(workflows.map((workflow) => [workflow.type, workflow] as const))(
    'is the same job in every state: %s',
    async (type, workflow) => {
      const { carry } = servers();
      for (const job of everyState(pending({ type, workflow, owner: 'some body', client: '::1' }))) {
        expect(await carry(job)).toEqual(job);
      }
    },
  );

  it.each(USER_GRAPHS)('runs the same graph on another server, in every state: %s', async (name) => {
    const { carry } = servers();
    const workflow = workflowOf(userGraph(name));
    for (const job of everyState(pending({ type: 'my-flow', workflow, format: undefined }))) {
      const carried = await carry(job);
      const other = carried?.request.workflow;
      expect({ ...carried, request: { ...carried?.request, workflow } }).toEqual(job);
      if (!carried || !other || !isFileWorkflow(other)) throw new Error('no workflow of a file');
      expect(other).not.toBe(workflow);
      expect([...other.graph]).toEqual([...workflow.graph]);
      expect([...other.manifest.inputs]).toEqual([...workflow.manifest.inputs]);
      expect([...other.manifest.outputs]).toEqual([...workflow.manifest.outputs]);
      const { title, description, files, outputs, requires, estimateSeconds } = workflow;
      expect(other).toMatchObject({ title, description, files, outputs, requires, estimateSeconds });
      expect(promptOf(carried.request)).toBe(promptOf(job.request));
    }
  });

  it('keeps the exact numbers and the order of keys of a graph, and a manifest of its own', async () => {
    const { carry } = servers();
    const graph = readGraph(
      '{"10":{"class_type":"KSampler","inputs":{"seed":18446744073709551615,"cfg":8.0,"2":1,"1":1e400}},"2":{"class_type":"SaveImage","inputs":{"images":["10",0]},"_meta":{"title":"x"}}}',
    );
    const manifest = readManifest(
      'title: Mine\nestimate_seconds: 2.5\ninputs:\n  seed: {node: "10", field: seed, kind: seed, maximum: 18446744073709551615, default: 9007199254740993}\noutputs:\n  b: {node: "2"}\n  a: {node: "10"}\n',
    );
    const workflow = fileWorkflow('my-flow', graph, manifest);
    const parameters = { seed: new NumberText('18446744073709551615') };
    const job = pending({ type: 'my-flow', workflow, parameters });
    const carried = await carry(job);
    if (!carried) throw new Error('no job');
    expect(promptOf(carried.request)).toBe(promptOf(job.request));
    expect(promptOf(carried.request)).toContain('"seed":18446744073709551615,"cfg":8.0,"2":1,"1":1e400');
    expect(carried.request.workflow).toMatchObject({ title: 'Mine', estimateSeconds: 2.5 });
    expect(isFileWorkflow(carried.request.workflow) && carried.request.workflow.manifest).toEqual(manifest);
  });

  it('can be looked at without its workflow, which cannot be run then, and is not forgotten', async () => {
    const { carry, there, shared } = servers();
    const workflow = workflowOf(userGraph('blend'));
    const job = pending({ type: 'my-flow', workflow });
    await carry(job);
    const text = there.codec.encode(job);
    shared.clear();
    const { there: third } = servers();
    const lost = await third.codec.decode('a', text);
    if (!lost) throw new Error('no job');
    expect({ ...lost, request: { ...lost.request, workflow } }).toEqual(job);
    expect(() => promptOf(lost.request)).toThrow('The definition of the workflow "my-flow" is lost.');
    // Another server may have the definition again.
    expect(third.codec.encode(lost)).toBe(text);
    expect((await there.codec.decode('a', third.codec.encode(lost)))?.request.workflow.title).toBe('My flow');
  });

  it('may come from an older or a newer server', async () => {
    const { there } = servers();
    const { client: _client, format: _format, ...request } = JOB_REQUEST;
    const { workflow: _workflow, ...rest } = request;
    const older = { v: 1, job: { ...pending(), request: rest } };
    const text = `status:pending\n${JSON.stringify(older)}`;
    expect(await there.codec.decode('a', text)).toEqual(pending({ format: undefined }));
    const newer = { v: 1, more: 1, job: { ...pending(), request: rest, priority: 5 } };
    const kept = await there.codec.decode('a', `status:pending\n${JSON.stringify(newer)}`);
    expect(kept && there.codec.encode(kept)).toContain('"priority":5');
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'status:pending\n{"v":1,'],
    ['no object', 'status:pending\n7'],
    ['another program', '{"data":{}}'],
    ['a version that is not known', 'status:pending\n{"v":2,"job":{}}'],
    ['no job', 'status:pending\n{"v":1,"job":{"id":"a","status":"asleep"}}'],
    ['another job', JSON.stringify({ v: 1, job: { ...pending(), id: 'b' } })],
    ['a job without its result', JSON.stringify({ v: 1, job: { ...pending(), status: 'completed' } })],
  ])('is no job where it is damaged or foreign, which is logged once: %s', async (_what, text) => {
    const { there, log } = servers();
    expect(await there.codec.decode('a', text)).toBeUndefined();
    expect(await there.codec.decodeAll([['a', text]])).toEqual([]);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { jobId: 'a' } }]);
  });
});

describe('tagged JSON', () => {
  it.each([
    [[1n, 2n ** 64n, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    [{ a: undefined, b: null, c: '', d: '$bigint', $e: 1 }],
    [{ digits: new NumberText('1.0'), nested: [new NumberText('18446744073709551616')] }],
    [[new Date(5), new Map([['a', new Map([['1', 2n]])]]), new Set([1, 'b']), [undefined]]],
    // Looks like a tag but is none.
    [{ $bigint: '5' }],
    [{ $object: [['$map', []]] }],
    [{ $map: { $map: { $bigint: 1n } } }],
    [{ deep: [{ $undefined: { $digits: 'x' } }] }],
    ['a "$ text" \u2028 \ud800'],
  ])('keeps %o', (value) => {
    expect(parseTagged(stringifyTagged(value))).toEqual(value);
  });

  it('keeps bytes', () => {
    expect(parseTagged(stringifyTagged({ bytes: Buffer.from([0, 255]) }))).toEqual({
      bytes: Buffer.from([0, 255]),
    });
  });

  it('refuses what is no data', () => {
    expect(() => stringifyTagged({ f: () => 1 })).toThrow('cannot be serialised');
  });
});
