/**
 * Prints the manifest that is derived from a graph, as a YAML draft:
 *
 *     npm run workflow -- FILE [--machine URL]
 *
 * With the address of a machine, its loaders, savers, ranges, choices and tooltips are used, too.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { AppError } from '../src/errors.js';
import { checkManifest, checkResults } from '../src/workflows/files/checkManifest.js';
import { deriveManifest } from '../src/workflows/files/deriveManifest.js';
import { enrichManifest } from '../src/workflows/files/enrich.js';
import { nodeLookup } from '../src/workflows/files/machineNodes.js';
import { writeManifest } from '../src/workflows/files/manifestText.js';
import { type NodeLookup, noNodeInfo } from '../src/workflows/files/nodeInfo.js';
import { readGraph } from '../src/workflows/files/readGraph.js';

const USAGE = 'Usage: npm run workflow -- FILE [--machine URL]';
const MACHINE_TIMEOUT_MS = 30_000;

/** Loads the node classes of a machine. */
async function askMachine(url: string): Promise<NodeLookup> {
  const base = /^https?:\/\//.test(url) ? url : `http://${url}`;
  const answer = await fetch(`${base.replace(/\/+$/, '')}/object_info`, {
    signal: AbortSignal.timeout(MACHINE_TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`The machine answered ${answer.status}.`);
  return nodeLookup(await answer.json());
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { machine: { type: 'string' } },
  });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new Error(USAGE);
  const graph = readGraph(await readFile(file, 'utf8'));
  const infoOf = values.machine === undefined ? noNodeInfo : await askMachine(values.machine);
  const manifest = enrichManifest(graph, deriveManifest(graph, infoOf), infoOf);
  checkManifest(graph, manifest);
  checkResults(graph, manifest);
  process.stdout.write(writeManifest(manifest));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof AppError && error.details !== undefined)
    process.stderr.write(`${JSON.stringify(error.details, null, 2)}\n`);
  process.exitCode = 1;
}
