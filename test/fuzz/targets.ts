import fc from 'fast-check';
import sharp from 'sharp';
import { drawing, sidewaysPhoto, transparentPng } from '../support/pictures.js';
import type { Stack } from '../support/stack.js';
import { damage, edits } from './damage.js';
import type { Target } from './Target.js';

/** Longer than any request takes; a request without a response by then counts as hanging. */
const DEADLINE_MS = 15_000;
const TYPES = ['remove-background', 'upscale-image', 'upscale-remove-bg'] as const;

const small = () => drawing({ width: 40, height: 24 });
const samples: ReadonlyArray<() => Promise<Buffer>> = [
  () => small().png().toBuffer(),
  () => small().png({ progressive: true }).toBuffer(),
  () => transparentPng(20),
  () => small().jpeg().toBuffer(),
  () => small().jpeg({ progressive: true }).toBuffer(),
  () => sidewaysPhoto('jpeg'),
  () => sidewaysPhoto('png'),
  () => small().webp().toBuffer(),
  () => small().webp({ lossless: true }).toBuffer(),
  async () =>
    sharp(await transparentPng(20))
      .webp()
      .toBuffer(),
];
const made = new Map<number, Promise<Buffer>>();

/** A sample by its number; each is created once. */
function sample(n: number): Promise<Buffer> {
  const index = n % samples.length;
  let picture = made.get(index);
  if (!picture) {
    picture = (samples[index] ?? small().png().toBuffer)();
    made.set(index, picture);
  }
  return picture;
}

/** Sends a request, and waits for its job, if any. @throws Error for a 5xx, or a timeout */
async function ask(stack: Stack, path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`${stack.client.baseUrl}${path}`, {
    ...init,
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const text = await response.text();
  if (response.status >= 500) throw new Error(`${response.status} for ${path}: ${text.slice(0, 300)}`);
  if (response.status === 202) {
    const { job_id } = JSON.parse(text) as { job_id: string };
    return `202 ${await ended(stack, job_id)}`;
  }
  if (response.status < 400) return String(response.status);
  const { code } = JSON.parse(text) as { code: string };
  return `${response.status} ${code}`;
}

async function ended(stack: Stack, id: string): Promise<string> {
  const deadline = performance.now() + DEADLINE_MS;
  const { manager } = stack.services;
  const job = await manager.whenFinished(id, AbortSignal.timeout(DEADLINE_MS)).catch(() => undefined);
  if (performance.now() > deadline) throw new Error(`job ${id} never ended`);
  return job?.status ?? 'removed';
}

const images: Target = {
  name: 'damaged images',
  share: 0.35,
  property: (stack, onAnswers) =>
    fc.asyncProperty(fc.nat(), edits, fc.constantFrom(...TYPES), async (n, changes, type) => {
      const form = new FormData();
      form.set('imageFile', new Blob([new Uint8Array(damage(await sample(n), changes))]), 'a.png');
      onAnswers([await ask(stack, `/api/async/${type}`, { method: 'POST', body: form })]);
    }),
};

const multipart: Target = {
  name: 'damaged multipart bodies',
  share: 0.25,
  property: (stack, onAnswers) =>
    fc.asyncProperty(
      fc.nat(),
      edits,
      fc.constantFrom('x', 'x ', '"x"', 'y', ''),
      async (n, changes, boundary) => {
        const body = Buffer.concat([
          Buffer.from('--x\r\nContent-Disposition: form-data; name="format"\r\n\r\nPNG\r\n--x\r\n'),
          Buffer.from('Content-Disposition: form-data; name="imageFile"; filename="a.png"\r\n'),
          Buffer.from('Content-Type: image/png\r\n\r\n'),
          await sample(n),
          Buffer.from('\r\n--x--\r\n'),
        ]);
        const answer = await ask(stack, '/api/async/remove-background', {
          method: 'POST',
          body: new Uint8Array(damage(body, changes)),
          headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
        });
        onAnswers([answer]);
      },
    ),
};

const names = fc.oneof(
  fc.constantFrom(
    'format',
    'scale',
    'crop',
    'async',
    'mode',
    'limit',
    'offset',
    'status',
    'type',
    'instance',
  ),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'a[b]', 'a[]', 'imageFile'),
  fc.string({ maxLength: 40, unit: 'binary' }),
);
const values = fc.oneof(
  fc.constantFrom('PNG', 'webp', '4', '1.5', 'true', 'false', '-1', '1e9', 'NaN', '99999999999999999999'),
  fc.string({ maxLength: 200, unit: 'binary' }),
);
const pairs = fc.array(fc.tuple(names, values), { maxLength: 8 });

const parameters: Target = {
  name: 'parameters',
  share: 0.15,
  property: (stack, onAnswers) =>
    fc.asyncProperty(pairs, pairs, fc.constantFrom(...TYPES), async (query, fields, type) => {
      const form = new FormData();
      for (const [name, value] of fields) form.append(name, value);
      form.set('imageFile', new Blob([new Uint8Array(await sample(0))]), 'a.png');
      const search = new URLSearchParams(query).toString();
      onAnswers([
        await ask(stack, `/api/async/${type}?${search}`, { method: 'POST', body: form }),
        await ask(stack, `/api/jobs/list?${search}`),
      ]);
    }),
};

const ROUTES: ReadonlyArray<readonly [string, (id: string) => string]> = [
  ['GET', (id) => `/api/jobs/${id}/status`],
  ['GET', (id) => `/api/jobs/${id}/result`],
  ['GET', (id) => `/api/jobs/${id}/result/image`],
  ['GET', (id) => `/api/jobs/${id}/info`],
  ['POST', (id) => `/api/jobs/${id}/cancel`],
  ['DELETE', (id) => `/api/jobs/${id}`],
  ['GET', (id) => `/api/metrics/instances/${id}`],
  ['POST', (id) => `/api/circuit-breakers/${id}/open`],
  ['GET', (id) => `/${id}`],
  ['POST', (id) => `/docs/assets/${id}`],
];

const ids: Target = {
  name: 'ids and paths',
  share: 0.15,
  property: (stack, onAnswers) =>
    fc.asyncProperty(
      fc.constantFrom(...ROUTES),
      fc.oneof(
        fc.uuid(),
        fc.string({ maxLength: 60, unit: 'binary' }).map(encodeURIComponent),
        // Not encoded, or wrongly encoded: characters such as `%` stay unchanged.
        fc.string({ maxLength: 60 }).map((text) => text.replace(/[\s#\\]/g, '%')),
        fc.constantFrom('..', '%2e%2e%2f%2e%2e', '%00', '%ff', '%', '__proto__', 'x'.repeat(5000)),
      ),
      async ([method, path], id) => {
        onAnswers([await ask(stack, path(id), { method })]);
      },
    ),
};

const comfyui: Target = {
  name: 'what ComfyUI says',
  share: 0.1,
  property: (stack, onAnswers) =>
    fc.asyncProperty(
      fc.nat(),
      fc.array(fc.oneof(edits, fc.jsonValue({ maxDepth: 3 })), { minLength: 1, maxLength: 4 }),
      async (n, rewritings) => {
        const { faults } = stack.simulator();
        let count = 0;
        // Replaces every third response or message.
        faults.rewrite = (bytes) => {
          count += 1;
          const rewriting = rewritings[Math.floor(count / 3) % rewritings.length];
          if (count % 3 !== n % 3) return bytes;
          return isEdits(rewriting) ? damage(bytes, rewriting) : Buffer.from(JSON.stringify(rewriting));
        };
        const form = new FormData();
        form.set('imageFile', new Blob([new Uint8Array(await sample(n))]), 'a.png');
        const asked = ask(stack, '/api/async/remove-background', { method: 'POST', body: form });
        // A machine that always sends nonsense gets no jobs, so the fault ends after a while.
        const timer = setTimeout(() => {
          faults.rewrite = undefined;
        }, 150);
        try {
          onAnswers([await asked]);
        } finally {
          clearTimeout(timer);
          faults.rewrite = undefined;
        }
      },
    ),
};

function isEdits(rewriting: unknown): rewriting is Parameters<typeof damage>[1] {
  return (
    Array.isArray(rewriting) && rewriting.every((one) => typeof one === 'object' && one && 'kind' in one)
  );
}

export const targets: readonly Target[] = [images, multipart, parameters, ids, comfyui];
