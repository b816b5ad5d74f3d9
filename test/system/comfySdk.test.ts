import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { invertGraph, runningOn, samplerGraph, savedEarly } from '../support/comfyApi.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { Stack, type StackOptions } from '../support/stack.js';

/** Required by the official SDK. */
const NEEDED_NODE = 22;
const hasNode = Number(process.versions.node.split('.')[0]) >= NEEDED_NODE;
if (!hasNode) {
  process.stderr.write(
    `\nNOTICE: @comfyorg/sdk needs Node ${NEEDED_NODE} or newer, its tests do NOT run on ${process.version}.\n\n`,
  );
}

type Sdk = typeof import('@comfyorg/sdk');
const COLOUR = colourOf(20);

// The examples of the SDK's README for workflows, assets, jobs, events, downloads, errors and cancelling.
describe.runIf(hasNode)('the official SDK, as it is', () => {
  let sdk: Sdk;
  let stack: Stack;
  let client: InstanceType<Sdk['Comfy']>;
  let folder: string;
  beforeAll(async () => {
    sdk = await import('@comfyorg/sdk');
  });
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sdk-'));
  });
  afterEach(() => stack.stop());

  async function start(options: StackOptions = {}, apiKey?: string): Promise<void> {
    stack = await Stack.start({ simulators: [{}, {}], ...options });
    process.env['COMFY_BASE_URL'] = stack.client.baseUrl;
    client = new sdk.Comfy(apiKey === undefined ? {} : { apiKey });
  }

  const file = async (name: string, content: string | Buffer) => {
    const place = path.join(folder, name);
    await writeFile(place, content);
    return place;
  };

  /** Expects the uploaded image, inverted. */
  async function expectTurned(picture: Uint8Array): Promise<void> {
    const turned = { r: 255 - COLOUR.r, g: 255 - COLOUR.g, b: 255 - COLOUR.b };
    expect(distance(await middle(Buffer.from(picture)), turned)).toBeLessThan(3);
  }

  it('runs a workflow of a file with a picture, and saves what comes of it', async () => {
    await start();
    const wf = await client.workflows.fromFile(
      await file('workflow_api.json', JSON.stringify(invertGraph())),
    );
    const photo = await file('photo.png', await png({ colour: COLOUR }));
    const asset = client.assets.fromFile(photo);
    wf.setInput('1', 'image', asset);
    const job = await client.run(wf);
    const [output] = job.getOutputs('3');
    const saved = path.join(folder, 'out.png');
    await output?.toFile(saved);
    await expectTurned(await readFile(saved));
    expect(asset.createdNew).toBe(true);
    expect(output).toMatchObject({ type: 'image', contentType: 'image/png', jobId: job.id });
    // A second run uploads nothing.
    const again = client.assets.fromFile(photo);
    wf.setInput('1', 'image', again);
    await client.run(wf);
    expect(again.createdNew).toBe(false);
    expect([...(await client.jobs.get(job.id)).outputs].map(({ id }) => id)).toEqual([output?.id]);
  });

  it('submits, waits, and builds graphs in code and of text', async () => {
    await start();
    const wf = client.workflows.fromJson(samplerGraph(1));
    wf.setInput('6', 'text', 'a red fox in the snow');
    const job = await client.submit(wf);
    await job.wait();
    expect([job.status, job.outputs.length]).toEqual(['succeeded', 1]);
    const text = client.workflows.fromString(JSON.stringify(samplerGraph(1, 2)));
    expect((await client.run(text, { apiKey: 'comfyui-key' })).status).toBe('succeeded');
  });

  it('takes files from bytes, streams and addresses, finds them again, and deletes them', async () => {
    await start();
    const picture = await png({ colour: COLOUR });
    const web = createServer((_request, response) => {
      response.setHeader('Content-Type', 'image/png');
      response.end(picture);
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(web.address() as AddressInfo).port}/photo.png`;
      const assets = [
        client.assets.fromBytes(picture, { filename: 'photo.png', contentType: 'image/png' }),
        await client.assets.fromStream(Readable.from([picture]), { filename: 'stream.png' }),
        await client.assets.fromUrl(url),
      ];
      for (const asset of assets) {
        const wf = client.workflows.fromJson(invertGraph());
        wf.setInput('1', 'image', asset);
        const [output] = (await client.run(wf)).getOutputs('3');
        await expectTurned((await output?.toBytes()) ?? new Uint8Array());
      }
      const found = await client.assets.get(String(assets[0]?.id));
      expect(await found.hash()).toBe(await assets[0]?.hash());
      await found.delete();
      await expect(client.assets.get(String(assets[0]?.id))).rejects.toBeInstanceOf(sdk.NotFound);
      await client.assets.delete(String(assets[1]?.id));
    } finally {
      web.close();
    }
  });

  it('follows a job by its events', async () => {
    await start({ simulators: [{ workMs: { KSampler: 1200 } }] });
    const job = await client.submit(client.workflows.fromJson(samplerGraph(6)));
    const values: number[] = [];
    const saved: string[] = [];
    let status = '';
    for await (const event of job.events()) {
      if (event.kind === 'progress') values.push(event.value);
      if (event.kind === 'outputReady') {
        saved.push(await event.output.toFile(path.join(folder, event.output.name)));
      }
      if (event.kind === 'statusChange') status = event.status;
    }
    expect(status).toBe('succeeded');
    expect(values.at(-1)).toBe(1);
    expect(saved).toHaveLength(1);
    expect((await readFile(String(saved[0]))).subarray(1, 4).toString()).toBe('PNG');
  });

  it('gives up waiting, and cancels', async () => {
    await start();
    for (const { faults } of stack.simulators) faults.hang = true;
    const wf = client.workflows.fromJson(samplerGraph(2));
    const controller = new AbortController();
    const job = await client.submit(wf, { signal: controller.signal });
    const waiting = job.wait(undefined, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow();
    await expect(client.run(wf, { timeoutMs: 200 })).rejects.toThrow();
    await job.cancel();
    expect(job.status).toBe('canceled');
    await job.cancel();
    expect((await client.jobs.get(job.id)).status).toBe('canceled');
  });

  it('takes an output while its job runs, and keeps it when the job is cancelled', async () => {
    await start({ env: { MAX_JOBS_PER_INSTANCE: '1' } });
    for (const { faults } of stack.simulators) faults.hang = true;
    const wf = client.workflows.fromJson(savedEarly('example.png'));
    wf.setInput('1', 'image', client.assets.fromBytes(await png({ colour: COLOUR }), { filename: 'a.png' }));
    const job = await client.submit(wf);
    let id = '';
    for await (const event of job.events()) {
      if (event.kind !== 'outputReady') continue;
      id = String(event.output.id);
      break;
    }
    stack.simulator(1 - (await runningOn(stack))).faults.hang = false;
    const next = client.workflows.fromJson(invertGraph());
    next.setInput('1', 'image', await client.assets.get(id));
    const [twice] = (await client.run(next)).getOutputs('3');
    const colour = await middle(Buffer.from((await twice?.toBytes()) ?? []));
    expect(distance(colour, COLOUR)).toBeLessThan(3);
    await job.cancel();
    await job.refresh();
    expect([job.status, job.outputs.map((output) => output.id)]).toEqual(['canceled', [id]]);
    await expectTurned((await job.getOutputs('3')[0]?.toBytes()) ?? new Uint8Array());
  });

  it('downloads outputs whole, in part, and by their address', async () => {
    await start();
    const job = await client.run(client.workflows.fromJson(samplerGraph(1)));
    const [output] = job.getOutputs('9');
    const whole = (await output?.toBytes()) ?? new Uint8Array();
    expect(whole.length).toBe(output?.sizeBytes);
    const head = path.join(folder, 'head.png');
    await output?.toFile(head, { range: [0, 7] });
    expect(await readFile(head)).toEqual(Buffer.from(whole.subarray(0, 8)));
    const { url, expiresAt } = (await output?.getDownloadUrl()) ?? {};
    expect(expiresAt).toBeNull();
    expect(Buffer.from(await (await fetch(String(url))).arrayBuffer())).toEqual(Buffer.from(whole));
    expect(await job.getWorkflow()).toMatchObject({ format: 'api', workflow: samplerGraph(1) });
  });

  it('tells errors by their classes', async () => {
    await start({ env: { API_KEYS: 'ops:admin:ops-key-01234567890' } }, 'ops-key-01234567890');
    const run = (graph: Parameters<typeof client.workflows.fromJson>[0]) =>
      client.run(client.workflows.fromJson(graph));
    for (const { faults } of stack.simulators) {
      faults.failNodes.set('KSampler', { type: 'ValueError', message: 'cannot do this' });
    }
    const failed = await run(samplerGraph(1)).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(sdk.JobFailed);
    expect(failed).toMatchObject({
      error: { code: 'node_execution_error', node_id: '3', class_type: 'KSampler' },
    });
    const missing = { __type: 'core/ASSET', info: { id: 'asset_none' } };
    await expect(run(invertGraph(missing))).rejects.toBeInstanceOf(sdk.MissingAsset);
    const unknown = { '1': { class_type: 'NoSuchNode', inputs: {} } };
    await expect(run(unknown)).rejects.toBeInstanceOf(sdk.InvalidWorkflow);
    await expect(client.jobs.get('job_none')).rejects.toBeInstanceOf(sdk.NotFound);
    const wf = client.workflows.fromJson(samplerGraph(1));
    await client.submit(wf, { idempotencyKey: 'once' });
    wf.setInput('3', 'steps', 2);
    await expect(client.submit(wf, { idempotencyKey: 'once' })).rejects.toBeInstanceOf(
      sdk.IdempotencyKeyReuse,
    );
    const stranger = new sdk.Comfy({ apiKey: 'wrong' });
    await expect(stranger.jobs.get('job_none')).rejects.toBeInstanceOf(sdk.Unauthorized);
  });

  it('does not notice when a machine is killed in the middle of its job', async () => {
    await start();
    for (const { faults } of stack.simulators) faults.hang = true;
    const asset = client.assets.fromBytes(await png({ colour: COLOUR }), { filename: 'photo.png' });
    const wf = client.workflows.fromJson({ ...samplerGraph(2), ...renamed(invertGraph()) });
    wf.setInput('101', 'image', asset);
    const job = await client.submit(wf);
    const first = await runningOn(stack);
    await job.refresh();
    expect(job.status).toBe('running');
    for (const { faults } of stack.simulators) faults.hang = false;
    await stack.simulator(first).crash();
    await job.wait();
    expect(job.status).toBe('succeeded');
    const [turned] = job.getOutputs('103');
    await expectTurned((await turned?.toBytes()) ?? new Uint8Array());
    expect(job.getOutputs('9')).toHaveLength(1);
    expect(stack.simulators.map(({ executions }) => executions.length)).toEqual([1, 1]);
  });

  /** The graph with ids from 101. */
  function renamed(graph: ReturnType<typeof invertGraph>): typeof graph {
    return Object.fromEntries(
      Object.entries(graph).map(([id, { class_type, inputs }]) => [
        `10${id}`,
        {
          class_type,
          inputs: Object.fromEntries(
            Object.entries(inputs).map(([name, value]) => [
              name,
              Array.isArray(value) ? [`10${value[0]}`, value[1]] : value,
            ]),
          ),
        },
      ]),
    );
  }
});
