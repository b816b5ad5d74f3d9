import fc from 'fast-check';
import WebSocket from 'ws';
import { png } from '../support/pictures.js';
import type { Stack } from '../support/stack.js';
import type { Target } from './Target.js';

/** Longer than any request takes; a request without a response by then counts as hanging. */
const DEADLINE_MS = 15_000;

/** Sends a request to the port of ComfyUI's own API. @throws Error for a 5xx, or a timeout */
async function ask(stack: Stack, path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`http://${stack.nativeHost}${path}`, {
    ...init,
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const text = await response.text();
  // With this many requests the queue may be full.
  if (response.status >= 500 && response.status !== 503) {
    throw new Error(`${response.status} for ${path}: ${text.slice(0, 300)}`);
  }
  return `${response.status} ${/"type": ?"(\w+)"/.exec(text)?.[1] ?? ''}`;
}

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom('', '..', '../a', 'a/b.png [temp]', '\0'),
);

const value = fc.oneof(
  fc.tuple(fc.constantFrom('1', '2', '3', '9'), fc.nat(3)),
  fc.constantFrom('there.png', 'gone.png', 'default', 'lanczos', 0.5, 1e9),
  odd,
);

const node = fc.record(
  {
    class_type: fc.oneof(
      fc.constantFrom(
        'LoadImage',
        'ImageInvert',
        'InspyrenetRembg',
        'SaveImage',
        'PreviewImage',
        'ImageScaleBy',
      ),
      fc.string(),
    ),
    inputs: fc.dictionary(
      fc.constantFrom('image', 'images', 'filename_prefix', 'torchscript_jit', 'upscale_method', 'scale_by'),
      value,
    ),
  },
  { requiredKeys: [] },
);

const prompts: Target = {
  name: 'prompts of ComfyUI’s own API',
  share: 0.4,
  property: (stack, onAnswers) =>
    fc.asyncProperty(
      fc.record(
        {
          prompt: fc.oneof(fc.dictionary(fc.constantFrom('1', '2', '3', '__proto__'), node), odd),
          prompt_id: odd,
          client_id: odd,
          extra_data: odd,
        },
        { requiredKeys: [] },
      ),
      async (body) => {
        await upload(stack);
        onAnswers([await ask(stack, '/prompt', { method: 'POST', body: JSON.stringify(body) })]);
      },
    ),
};

const PATHS = [
  '/prompt',
  '/queue',
  '/history',
  '/view',
  '/interrupt',
  '/free',
  '/object_info',
  '/models',
  '/features',
];

const requests: Target = {
  name: 'requests of ComfyUI’s own API',
  share: 0.4,
  property: (stack, onAnswers) =>
    fc.asyncProperty(
      fc.constantFrom(
        ...PATHS,
        '/upload/image',
        '/upload/mask',
        '/api/jobs',
        '/api/jobs/cancel',
        '/ws',
        '/api/history/a',
      ),
      fc.webQueryParameters(),
      fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
      fc.oneof(fc.string(), fc.json()),
      async (path, query, method, text) => {
        const body = method === 'GET' ? {} : { body: text };
        onAnswers([await ask(stack, `${path}?${query}`, { method, ...body })]);
      },
    ),
};

const sockets: Target = {
  name: 'sockets of ComfyUI’s own API',
  share: 0.2,
  property: (stack, onAnswers) =>
    fc.asyncProperty(fc.string(), fc.array(fc.oneof(fc.json(), fc.string())), async (id, messages) => {
      const ws = new WebSocket(`ws://${stack.nativeHost}/ws?${new URLSearchParams({ clientId: id })}`);
      const greeted = await new Promise<boolean>((resolve) => {
        ws.once('message', () => resolve(true));
        ws.once('error', () => resolve(false));
      });
      for (const message of greeted ? messages : []) ws.send(message);
      ws.terminate();
      onAnswers([greeted ? 'greeted' : 'refused']);
    }),
};

async function upload(stack: Stack): Promise<void> {
  const form = new FormData();
  form.set('image', new Blob([new Uint8Array(await png({ width: 8, height: 8 }))]), 'there.png');
  await ask(stack, '/upload/image', { method: 'POST', body: form });
}

/** ComfyUI's own API, on its port. */
export const nativeTargets: readonly Target[] = [prompts, requests, sockets];
