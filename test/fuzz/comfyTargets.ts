import fc from 'fast-check';
import { comfyError } from '../../src/schemas/comfy.js';
import { parseJson, stringifyJson } from '../../src/utils/losslessJson.js';
import { derivationCases } from '../graphs/derivation.js';
import { invertGraph, samplerGraph } from '../support/comfyApi.js';
import { mutated } from '../support/mutatedJson.js';
import { png } from '../support/pictures.js';
import { Random } from '../support/random.js';
import type { Stack } from '../support/stack.js';
import { USER_GRAPHS, userGraph } from '../support/userGraphs.js';
import { damage, edits } from './damage.js';
import type { Target } from './Target.js';

/** Longer than any request takes; a request without a response by then counts as hanging. */
const DEADLINE_MS = 20_000;

/** Sends a request. @throws Error for a 5xx, an error in another format, or a timeout */
async function ask(
  stack: Stack,
  path: string,
  init: RequestInit = {},
): Promise<{ answer: string; body: string }> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const response = await fetch(`${stack.client.baseUrl}${path}`, { ...init, signal });
  const body = await response.text();
  const { status } = response;
  if (status < 400 || init.method === 'HEAD') return { answer: String(status), body };
  if (status >= 500) throw new Error(`${status} for ${path}: ${body.slice(0, 300)}`);
  return { answer: `${status} ${comfyError.parse(JSON.parse(body)).error.code}`, body };
}

const json = (body: string): RequestInit => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body,
});

const compact = (text: string) => stringifyJson(parseJson(text, { maxDepth: 64 }));
const reference = '{"__type":"core/ASSET","info":{"id":"asset_00000000-0000-4000-8000-000000000000"}}';
const graphs = [
  ...USER_GRAPHS.map((name) => compact(userGraph(name))),
  ...derivationCases.map(({ file }) => JSON.stringify(file)),
  JSON.stringify(invertGraph('PLACE')).replace('"PLACE"', reference),
  JSON.stringify(samplerGraph(1)),
];

const submissions: Target = {
  name: 'Comfy API: graphs',
  share: 0.5,
  property: (stack, onAnswers) =>
    fc.asyncProperty(fc.nat(), async (n) => {
      const random = new Random(n);
      let body = `{"workflow":${random.pick(graphs)},"metadata":"m","extra_data":{"api_key_comfy_org":"k"}}`;
      for (let change = random.int(0, 3); change > 0; change -= 1) body = mutated(body, random);
      const { answer, body: text } = await ask(stack, '/api/v2/jobs', json(body));
      onAnswers([answer]);
      if (answer !== '201') return;
      const { id } = JSON.parse(text) as { id: string };
      const path = `/api/v2/jobs/${id}`;
      const answers = [await ask(stack, path), await ask(stack, `${path}/workflow`)];
      if (random.chance(0.5)) answers.push(await ask(stack, `${path}/cancel`, { method: 'POST' }));
      answers.push(await ask(stack, `${path}/events`));
      onAnswers(answers.map((one) => one.answer));
    }),
};

const ROUTES: ReadonlyArray<readonly [string, (id: string) => string]> = [
  ['GET', (id) => `/api/v2/jobs/${id}`],
  ['GET', (id) => `/api/v2/jobs/${id}/events`],
  ['POST', (id) => `/api/v2/jobs/${id}/cancel`],
  ['GET', (id) => `/api/v2/assets/${id}`],
  ['GET', (id) => `/api/v2/assets/${id}/content`],
  ['DELETE', (id) => `/api/v2/assets/${id}`],
  ['HEAD', (id) => `/api/v2/assets/by-hash/${id}`],
  ['GET', (id) => `/api/v2/${id}`],
];

const uuid = fc.uuid();
const ids: Target = {
  name: 'Comfy API: ids and paths',
  share: 0.25,
  property: (stack, onAnswers) =>
    fc.asyncProperty(
      fc.constantFrom(...ROUTES),
      fc.oneof(
        uuid.map((id) => `job_${id}`),
        uuid.map((id) => `asset_${id}`),
        fc.tuple(uuid, fc.nat(9)).map(([id, n]) => `asset_${id}_${'0'.repeat(12)}-${n}`),
        fc.string({ maxLength: 60, unit: 'binary' }).map(encodeURIComponent),
        fc.constantFrom('%2e%2e%2f', '%00', '%ff', '%', '__proto__', 'blake3:', 'x'.repeat(5000)),
      ),
      async ([method, path], id) => {
        onAnswers([(await ask(stack, path(id), { method })).answer]);
      },
    ),
};

const uploads: Target = {
  name: 'Comfy API: uploads',
  share: 0.25,
  property: (stack, onAnswers) =>
    fc.asyncProperty(edits, fc.constantFrom('x', 'x ', 'y', ''), async (changes, boundary) => {
      const fields = [
        ['content_type', 'image/png'],
        ['file_path', 'a/b.png'],
        ['expires_in', '60'],
      ].map(([name, value]) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
      const body = Buffer.concat([
        Buffer.from(fields.join('')),
        Buffer.from('--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'),
        await png(),
        Buffer.from('\r\n--x--\r\n'),
      ]);
      const upload = await ask(stack, '/api/v2/assets', {
        method: 'POST',
        body: new Uint8Array(damage(body, changes)),
        headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}` },
      });
      const hash = await ask(
        stack,
        '/api/v2/assets/from-hash',
        json(damage(Buffer.from('{"hash":"blake3:0"}'), changes).toString()),
      );
      onAnswers([upload.answer, hash.answer]);
    }),
};

/** The Comfy API v2. */
export const comfyTargets: readonly Target[] = [submissions, ids, uploads];
