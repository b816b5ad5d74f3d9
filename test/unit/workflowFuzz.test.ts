import { expect, it } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../src/errors.js';
import { parseJson, plainJson, stringifyJson } from '../../src/utils/losslessJson.js';
import { deriveManifest } from '../../src/workflows/files/deriveManifest.js';
import { type FileWorkflow, fileWorkflow } from '../../src/workflows/files/fileWorkflow.js';
import { nodeLookup } from '../../src/workflows/files/machineNodes.js';
import { manifestDocument } from '../../src/workflows/files/manifestDocument.js';
import { readManifest, writeManifest } from '../../src/workflows/files/manifestText.js';
import { parseManifest } from '../../src/workflows/files/parseManifest.js';
import { readGraph } from '../../src/workflows/files/readGraph.js';
import { withoutSecrets } from '../../src/workflows/files/secrets.js';
import { GraphFile, graphJson } from '../../src/workflows/graph.js';
import { imageNodes } from '../../src/workflows/imageNodes.js';
import { derivationCases } from '../graphs/derivation.js';
import { mutated, ODD } from '../support/mutatedJson.js';
import { Random } from '../support/random.js';

const CASES = Number(process.env['FUZZ_CASES'] ?? 2000);
const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000);

const graphs = derivationCases.map(({ file }) => JSON.stringify(file));

/** Uses an accepted workflow in every way. */
function use(workflow: FileWorkflow, random: Random): void {
  JSON.stringify(z.toJSONSchema(workflow.parameters, { io: 'input' }));
  const values = Object.keys(workflow.parameters.shape).map((name) => [
    name,
    plainJson(parseJson(random.pick(ODD), { maxDepth: 20 })),
  ]);
  const parsed = workflow.parameters.safeParse(Object.fromEntries(values));
  const parameters = parsed.success ? parsed.data : {};
  const files = workflow.files.map(({ name }) => [name, new GraphFile(Buffer.from(name), 'png')] as const);
  const kept = files.filter(() => random.chance(0.7));
  const graph = workflow.build(new Map(kept), parameters, imageNodes('upload'));
  readGraph(stringifyJson(graphJson(graph, () => 'file')));
  stringifyJson(graphJson(withoutSecrets(workflow.graph), () => null));
  // Writing and parsing YAML is slow.
  if (random.chance(0.9)) return;
  const again = readManifest(writeManifest(workflow.manifest));
  expect(manifestDocument(again)).toEqual(manifestDocument(workflow.manifest));
}

/** @returns whether the workflow was accepted. Any undeclared error fails the test */
function isAccepted(make: () => FileWorkflow, random: Random): boolean {
  let workflow: FileWorkflow;
  try {
    workflow = make();
  } catch (error) {
    if (error instanceof AppError && ['INVALID_WORKFLOW', 'WORKFLOW_FORMAT_UI'].includes(error.code))
      return false;
    throw error;
  }
  use(workflow, random);
  return true;
}

it(`${CASES} damaged graphs are used or refused (seed ${seed})`, () => {
  const random = new Random(seed);
  let accepted = 0;
  for (let count = 0; count < CASES; count += 1) {
    let text = random.pick(graphs);
    for (let change = random.int(1, 4); change > 0; change -= 1) text = mutated(text, random);
    const make = () => {
      const graph = readGraph(text);
      return fileWorkflow('fuzz', graph, deriveManifest(graph));
    };
    try {
      if (isAccepted(make, random)) accepted += 1;
    } catch (error) {
      throw new Error(`Case ${count}: ${text}`, { cause: error });
    }
  }
  expect(accepted).toBeGreaterThan(CASES / 10);
  expect(accepted).toBeLessThan(CASES);
}, 120_000);

it(`${CASES} damaged manifests are used or refused, as YAML and as JSON (seed ${seed})`, () => {
  const random = new Random(seed);
  const documents = graphs.map((text) => {
    const graph = readGraph(text);
    const manifest = deriveManifest(graph);
    return { graph, yaml: writeManifest(manifest), json: JSON.stringify(manifestDocument(manifest)) };
  });
  let accepted = 0;
  for (let count = 0; count < CASES; count += 1) {
    const { graph, yaml, json } = random.pick(documents);
    const isYaml = random.chance(0.5);
    let text = isYaml ? yaml : json;
    for (let change = random.int(1, 3); change > 0; change -= 1) text = mutated(text, random);
    const make = () => {
      if (isYaml) return fileWorkflow('fuzz', graph, readManifest(text));
      return fileWorkflow('fuzz', graph, parseManifest(plainJson(parseJson(text, { maxDepth: 64 }))));
    };
    try {
      if (isAccepted(make, random)) accepted += 1;
    } catch (error) {
      // The text is not valid JSON, which is a SyntaxError.
      if (!(error instanceof SyntaxError)) throw new Error(`Case ${count}: ${text}`, { cause: error });
    }
  }
  expect(accepted).toBeGreaterThan(CASES / 10);
  expect(accepted).toBeLessThan(CASES);
}, 120_000);

it(`damaged answers of a machine about its nodes do no harm (seed ${seed})`, () => {
  const random = new Random(seed);
  const graph = readGraph(graphs[0] ?? '');
  const manifest = deriveManifest(graph);
  const answer = JSON.stringify({
    KSampler: {
      input: {
        required: {
          seed: ['INT', { min: 0, max: 2 ** 64, tooltip: 'x' }],
          steps: ['INT', { min: 1, max: 9, step: 1 }],
        },
      },
      output_name: ['LATENT'],
      output_node: false,
      display_name: 'KSampler',
    },
    LoadImage: { input: { required: { image: [['a.png'], { image_upload: true }] } } },
    EmptyLatentImage: { input: { optional: { width: ['COMBO', { options: ['512', 1024, null] }] } } },
  });
  for (let count = 0; count < CASES / 5; count += 1) {
    let text = answer;
    for (let change = random.int(1, 4); change > 0; change -= 1) text = mutated(text, random);
    let infos: unknown;
    try {
      infos = JSON.parse(text);
    } catch {
      continue;
    }
    if (typeof infos !== 'object' || infos === null || Array.isArray(infos)) continue;
    const infoOf = nodeLookup(infos);
    use(fileWorkflow('fuzz', graph, manifest, infoOf), random);
    fileWorkflow('fuzz', graph, deriveManifest(graph, infoOf), infoOf);
  }
}, 120_000);
