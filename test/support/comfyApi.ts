import type { z } from 'zod';
import { comfyAsset, comfyError, comfyJob } from '../../src/schemas/comfy.js';
import { Client } from './client.js';
import { eventually } from './eventually.js';
import type { Stack } from './stack.js';

export type ComfyJob = z.output<typeof comfyJob>;

const FINAL = new Set(['succeeded', 'canceled', 'failed', 'expired']);

/** The nodes of a graph. */
type Graph = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

/** A graph that inverts an image; `image` is a file name or a reference to an asset. */
export function invertGraph(image: unknown = 'example.png', saver = 'SaveImage'): Graph {
  return {
    '1': { class_type: 'LoadImage', inputs: { image } },
    '2': { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
    '3': {
      class_type: saver,
      inputs: { images: ['2', 0], ...(saver === 'SaveImage' ? { filename_prefix: 'turned' } : {}) },
    },
  };
}

/** A graph that saves an image in node 3, and then works on it. */
export function savedEarly(image: unknown): Graph {
  return {
    ...invertGraph(image),
    '4': { class_type: 'InspyrenetRembg', inputs: { image: ['2', 0], torchscript_jit: 'default' } },
    '5': { class_type: 'PreviewImage', inputs: { images: ['4', 0] } },
  };
}

/** A graph with a sampler, which takes time and reports its steps. */
export function samplerGraph(steps = 4, seed: unknown = 1): Graph {
  return {
    '3': {
      class_type: 'KSampler',
      inputs: {
        seed,
        steps,
        cfg: 8,
        sampler_name: 'euler',
        scheduler: 'normal',
        denoise: 1,
        model: ['4', 0],
        positive: ['6', 0],
        negative: ['6', 0],
        latent_image: ['5', 0],
      },
    },
    '4': {
      class_type: 'CheckpointLoaderSimple',
      inputs: { ckpt_name: 'v1-5-pruned-emaonly-fp16.safetensors' },
    },
    '5': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
    '6': { class_type: 'CLIPTextEncode', inputs: { text: 'a lighthouse', clip: ['4', 1] } },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
    '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'ComfyUI', images: ['8', 0] } },
  };
}

/** The graph with other ids, so that it can be combined with another one. */
export function withIds(graph: Graph, offset: number): Graph {
  const moved = Object.entries(graph).map(([id, { class_type, inputs }]) => {
    const linked = Object.entries(inputs).map(([name, value]) => [
      name,
      Array.isArray(value) ? [String(Number(value[0]) + offset), value[1]] : value,
    ]);
    return [String(Number(id) + offset), { class_type, inputs: Object.fromEntries(linked) }];
  });
  return Object.fromEntries(moved);
}

export function assetReference(id: string): object {
  return { __type: 'core/ASSET', info: { id, file_path: 'whatever.png' } };
}

/** Waits until a machine runs the only prompt. @returns the index of the machine */
export async function runningOn({ simulators }: Stack): Promise<number> {
  const find = () => simulators.findIndex(({ executions }) => executions.length > 0);
  await eventually(() => {
    if (find() < 0) throw new Error('nothing runs');
  });
  return find();
}

/** A client for the Comfy API v2 as specified. Every response is validated by its schema. */
export class ComfyApiClient {
  readonly client: Client;

  constructor(baseUrl: string, key?: string) {
    this.client = new Client(baseUrl, key === undefined ? {} : { Authorization: `Bearer ${key}` });
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return this.client.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  async submit(workflow: unknown, others: object = {}, headers = {}): Promise<ComfyJob> {
    const response = await this.post('/api/v2/jobs', { workflow, ...others }, headers);
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${text}`);
    return comfyJob.parse(JSON.parse(text));
  }

  job(id: string): Promise<ComfyJob> {
    return this.client.json(`/api/v2/jobs/${id}`, comfyJob);
  }

  /** Polls until the job meets the condition or has ended. */
  async until(id: string, isReached: (job: ComfyJob) => boolean): Promise<ComfyJob> {
    for (;;) {
      const job = await this.job(id);
      if (isReached(job)) return job;
      if (FINAL.has(job.status)) throw new Error(`the job ended as ${JSON.stringify(job)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  ended(id: string): Promise<ComfyJob> {
    return this.until(id, ({ status }) => FINAL.has(status));
  }

  /** Returns the error of a response, in this API's format. */
  async error(
    response: Response | Promise<Response>,
  ): Promise<z.output<typeof comfyError>['error'] & { status: number }> {
    const { status, body } = await bodyOf(await response);
    return { status, ...comfyError.parse(body).error };
  }

  upload(bytes: Uint8Array, fields: Readonly<Record<string, string>> = {}): Promise<Response> {
    const form = new FormData();
    for (const [name, value] of Object.entries({
      content_type: 'image/png',
      file_path: 'photo.png',
      ...fields,
    })) {
      form.set(name, value);
    }
    form.set('file', new Blob([new Uint8Array(bytes)]), 'photo.png');
    return this.client.request('/api/v2/assets', { method: 'POST', body: form });
  }

  /** Uploads a file. Returns the asset and the status of the response. */
  async asset(
    bytes: Uint8Array,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<z.output<typeof comfyAsset> & { status: number }> {
    const { status, body } = await bodyOf(await this.upload(bytes, fields));
    return { ...comfyAsset.parse(body), status };
  }

  async bytes(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Buffer> {
    const path = new URL(url, this.client.baseUrl).pathname;
    return Buffer.from(await (await this.client.request(path, { headers })).arrayBuffer());
  }
}

async function bodyOf(response: Response): Promise<{ status: number; body: unknown }> {
  return { status: response.status, body: await response.json() };
}
