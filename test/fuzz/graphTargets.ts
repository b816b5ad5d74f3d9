import fc from 'fast-check';
import { ERROR_STATUS, type ErrorCode } from '../../src/errors.js';
import { errorAnswer } from '../../src/schemas/common.js';
import { parseJson, stringifyJson } from '../../src/utils/losslessJson.js';
import { deriveManifest } from '../../src/workflows/files/deriveManifest.js';
import { manifestDocument } from '../../src/workflows/files/manifestDocument.js';
import { writeManifest } from '../../src/workflows/files/manifestText.js';
import { readGraph } from '../../src/workflows/files/readGraph.js';
import { derivationCases } from '../graphs/derivation.js';
import { exampleFiles, GRAPH_EXAMPLES } from '../support/graphExamples.js';
import { mutated } from '../support/mutatedJson.js';
import { Random } from '../support/random.js';
import type { Stack } from '../support/stack.js';
import { USER_GRAPHS, userGraph } from '../support/userGraphs.js';
import { WorkflowFiles } from '../support/workflowFiles.js';
import type { Target } from './Target.js';

/** Longer than any request takes; a request without a response by then counts as hanging. */
const DEADLINE_MS = 20_000;
/** A machine may reject what it received. */
const MACHINE_STATUSES = new Set([502, 503, 504]);

/** Sends a request. @throws Error for a 5xx that no machine caused, an error without a code, or a timeout */
async function ask(stack: Stack, path: string, init: RequestInit = {}): Promise<string> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const response = await fetch(`${stack.client.baseUrl}${path}`, { ...init, signal });
  const text = await response.text();
  const { status } = response;
  if (status < 400) return String(status);
  const { code } = errorAnswer.parse(JSON.parse(text));
  const isDeclared = ERROR_STATUS[code as ErrorCode] === status;
  if (!isDeclared || (status >= 500 && !MACHINE_STATUSES.has(status)))
    throw new Error(`${status} for ${path}: ${text.slice(0, 300)}`);
  return `${status} ${code}`;
}

function mutatedOften(text: string, random: Random): string {
  let other = text;
  for (let change = random.int(0, 2); change > 0; change -= 1) other = mutated(other, random);
  return other;
}

const compact = (text: string) => stringifyJson(parseJson(text, { maxDepth: 64 }));
const documents = [
  ...USER_GRAPHS.map((name) => compact(userGraph(name))),
  ...derivationCases.map(({ file }) => JSON.stringify(file)),
].map((graph) => {
  const manifest = deriveManifest(readGraph(graph));
  return { graph, yaml: writeManifest(manifest), json: JSON.stringify(manifestDocument(manifest)) };
});

const json = (method: string, body: string): RequestInit => ({
  method,
  headers: { 'Content-Type': 'application/json' },
  body,
});

/** Small values for all parameters: with the graphs' own values the test would take long. */
const SMALL = '{"inputs":{"prompt":"a","seed":1,"steps":1,"width":16,"height":16,"batch_size":1,"fps":5}}';

const TYPES = ['a', 'b', 'c'];
const ODD_TYPES = ['__proto__', 'constructor', 'jobs', 'upscale-image', '%2e%2e', '%00', 'A%20b'];

const put: Target = {
  name: 'graphs and manifests that are put',
  share: 0.4,
  property: (stack, onAnswers) =>
    fc.asyncProperty(fc.nat(), async (n) => {
      const random = new Random(n);
      const { graph, json: manifest } = random.pick(documents);
      const parts = [`"graph":${mutatedOften(graph, random)}`];
      if (random.chance(0.5)) parts.push(`"manifest":${mutatedOften(manifest, random)}`);
      const type = random.pick(random.chance(0.9) ? TYPES : ODD_TYPES);
      const answers = [await ask(stack, `/api/workflows/${type}`, json('PUT', `{${parts.join()}}`))];
      answers.push(await ask(stack, `/api/workflows/${type}`));
      answers.push(await ask(stack, `/api/${type}`, json('POST', mutatedOften(SMALL, random))));
      if (random.chance(0.1)) answers.push(await ask(stack, '/openapi.json'));
      if (random.chance(0.3)) answers.push(await ask(stack, `/api/workflows/${type}`, { method: 'DELETE' }));
      onAnswers(answers);
    }),
};

const NAMES = [
  'a',
  'b',
  'B',
  'a b',
  '__proto__',
  'constructor',
  'jobs',
  'ä',
  '-',
  'x'.repeat(80),
  'upscale-image',
];

const copied: Target = {
  name: 'files that are copied into the folder',
  share: 0.1,
  property: (stack, onAnswers) =>
    fc.asyncProperty(fc.nat(), async (n) => {
      const random = new Random(n);
      const folder = WorkflowFiles.at(stack.config.workflows.directory);
      const { graph, yaml } = random.pick(documents);
      const name = random.pick(NAMES);
      await folder.copy(`${name}.json`, mutatedOften(graph, random));
      if (random.chance(0.5)) await folder.copy(`${name}.yaml`, mutatedOften(yaml, random));
      const before = random.pick(NAMES);
      if (random.chance(0.5)) await folder.remove(`${before}.${random.chance(0.5) ? 'json' : 'yaml'}`);
      const type = random.pick(['a', 'b', 'a-b']);
      onAnswers([
        await ask(stack, '/health'),
        await ask(stack, '/api/workflows'),
        await ask(stack, random.chance(0.1) ? '/openapi.json' : `/api/workflows/${type}`),
        await ask(stack, `/api/${type}`, json('POST', mutatedOften(SMALL, random))),
      ]);
    }),
};

/** Bodies of valid submissions by graph, as JSON text; files are data URIs. */
const bodies = Promise.all(
  GRAPH_EXAMPLES.map(async (example) => {
    const files = Object.entries(await exampleFiles(example));
    const uris = files.map(([name, bytes]) => [name, `data:;base64,${bytes.toString('base64')}`]);
    const values = { ...example.values, width: 16, height: 16, steps: 1, batch_size: 2, seed: 7 };
    const known = Object.entries(values).filter(([name]) => name === 'seed' || name in example.values);
    return {
      graph: example.graph,
      files,
      body: { ...Object.fromEntries(uris), ...Object.fromEntries(known) },
    };
  }),
);

function mutatedForm(
  body: Readonly<Record<string, unknown>>,
  files: readonly (readonly [string, Buffer])[],
  random: Random,
): FormData {
  const pairs = mutatedOften(JSON.stringify(body), random)
    .replaceAll(/[{}"]/g, '')
    .replaceAll(':', '=')
    .replaceAll(',', '&');
  const form = new FormData();
  for (const [name, value] of new URLSearchParams(pairs)) {
    if (!value.startsWith('data')) form.append(name, value);
  }
  if (random.chance(0.2)) form.append(random.pick(['__proto__', 'constructor', 'toString', 'seed']), '');
  for (const [name, bytes] of files) {
    const end = random.chance(0.3) ? random.int(0, bytes.length) : bytes.length;
    if (random.chance(0.9)) form.append(name, new Blob([new Uint8Array(bytes.subarray(0, end))]), name);
  }
  return form;
}

const submitted: Target = {
  name: 'submissions to graphs',
  share: 0.5,
  workflows: Object.fromEntries(USER_GRAPHS.map((name) => [`${name}.json`, userGraph(name)])),
  property: (stack, onAnswers) =>
    fc.asyncProperty(fc.nat(), async (n) => {
      const random = new Random(n);
      const { graph, files, body } = random.pick(await bodies);
      const path = `/api/${random.chance(0.5) ? graph : random.pick(USER_GRAPHS)}`;
      if (random.chance(0.6)) {
        const text = mutatedOften(JSON.stringify({ inputs: body, format: 'png' }), random);
        onAnswers([await ask(stack, path, json('POST', text))]);
        return;
      }
      const form = mutatedForm(body, files, random);
      onAnswers([await ask(stack, path, { method: 'POST', body: form })]);
    }),
};

/** Fuzzes workflow files and submissions to them. */
export const graphTargets: readonly Target[] = [put, copied, submitted];
