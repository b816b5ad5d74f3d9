import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Json } from '../../utils/losslessJson.js';
import { NumberText } from '../../utils/losslessJson.js';
import { GraphFile, type GraphNode, type GraphValue, linkOf, type PromptGraph } from '../graph.js';
import type { FileInput, Workflow } from '../types.js';
import { checkManifest } from './checkManifest.js';
import { enrichManifest } from './enrich.js';
import { isFileKind } from './inputKinds.js';
import { isBase64Field } from './loaders.js';
import type { Manifest, ManifestInput, Scalar, Target } from './manifest.js';
import { type NodeLookup, noNodeInfo } from './nodeInfo.js';
import { parameterSchema } from './parameterSchema.js';
import { isPlaceholder } from './placeholders.js';
import { readValue } from './readParameter.js';
import { requirementsOf } from './requirements.js';
import { Secrets } from './secrets.js';

/** A workflow made from a graph that a user exported. */
export interface FileWorkflow extends Workflow {
  readonly isBuiltIn: false;
  readonly graph: PromptGraph;
  /** The workflow's own or derived manifest, without what machines add. */
  readonly manifest: Manifest;
  /** The manifest's inputs, including what machines add. */
  readonly inputs: Manifest['inputs'];
}

/** Whether a workflow is made from a graph. */
export function isFileWorkflow(workflow: Workflow): workflow is FileWorkflow {
  return 'manifest' in workflow;
}

/** Estimated duration of a job in seconds, until there are measurements. */
export const ESTIMATE_SECONDS = 30;

/**
 * Creates a workflow from a graph and its manifest.
 * @param type its name in routes
 * @param infoOf what the machines report about their classes: adds ranges, choices and descriptions to the parameters
 * @throws AppError `INVALID_WORKFLOW` if the manifest does not match the graph
 */
export function fileWorkflow(
  type: string,
  graph: PromptGraph,
  manifest: Manifest,
  infoOf: NodeLookup = noNodeInfo,
): FileWorkflow {
  checkManifest(graph, manifest);
  const known = enrichManifest(graph, manifest, infoOf).inputs;
  const inputs = [...known];
  const secrets = new Secrets(graph);
  const shape = inputs.flatMap(([name, input]) =>
    isFileKind(input.kind) ? [] : [[name, parameterSchema(input, ownValue(graph, input, secrets))] as const],
  );
  const requires = {
    ...requirementsOf(graph),
    ...(manifest.labels ? { labels: manifest.labels } : {}),
  };
  return {
    type,
    title: manifest.title ?? titleFrom(type),
    description: manifest.description ?? descriptionOf(type, graph),
    estimateSeconds: manifest.estimateSeconds ?? ESTIMATE_SECONDS,
    files: inputs.flatMap(([name, input]) => fileInput(name, input)),
    parameters: z.object(Object.fromEntries(shape)),
    outputs: [...manifest.outputs].map(([name, { node }]) => ({ name, nodeId: node })),
    isBuiltIn: false,
    build: (files, parameters) => buildGraph(graph, manifest, files, parameters),
    requires,
    requiresWith: (parameters) => {
      const { models } = requirementsOf(withValues(graph, manifest, parameters));
      return isDeepStrictEqual(models, requires.models) ? undefined : { ...requires, models };
    },
    graph,
    manifest,
    inputs: known,
  };
}

/** Turns `my-flow` into `My flow`. */
function titleFrom(type: string): string {
  const words = type.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Contains the type, because several workflows may have the same title. */
function descriptionOf(type: string, { size }: PromptGraph): string {
  return `Runs the graph "${type}" (${size} ${size === 1 ? 'node' : 'nodes'}).`;
}

function fileInput(name: string, { kind, required, title, description }: ManifestInput): FileInput[] {
  if (!isFileKind(kind)) return [];
  return [
    {
      name,
      kind,
      required: required ?? true,
      ...(title !== undefined && { title }),
      ...(description !== undefined && { description }),
    },
  ];
}

/** The graph's own value of a parameter, if it may be shown, is the same at every node, and is valid. */
function ownValue(graph: PromptGraph, input: ManifestInput, secrets: Secrets): Scalar | undefined {
  const values = input.targets.map((target) =>
    secrets.has(target) ? undefined : shownValue(graph, input, target),
  );
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}

function shownValue(graph: PromptGraph, input: ManifestInput, { node, field }: Target): Scalar | undefined {
  const value = graph.get(node)?.inputs.get(field);
  if (value === undefined || isPlaceholder(value)) return undefined;
  const reading = readValue(value, input);
  const own = 'value' in reading ? reading.value : undefined;
  if (own instanceof NumberText) return BigInt(own.text);
  return typeof own === 'string' || typeof own === 'number' || typeof own === 'boolean' ? own : undefined;
}

/** Fills a client's files and values into the graph. Without a new value, the graph's own value stays. */
function buildGraph(
  graph: PromptGraph,
  { inputs }: Pick<Manifest, 'inputs'>,
  files: ReadonlyMap<string, GraphFile>,
  parameters: Readonly<Record<string, unknown>>,
): PromptGraph {
  const changes = new Map<string, Map<string, GraphValue>>();
  const dropped = new Set<string>();
  for (const [name, input] of inputs) {
    for (const { node, field } of input.targets) {
      const value = isFileKind(input.kind)
        ? fileFor(graph.get(node)?.classType ?? '', field, files.get(name))
        : (parameters[name] as Json | undefined);
      if (value !== undefined) changes.set(node, (changes.get(node) ?? new Map()).set(field, value));
      else if (isFileKind(input.kind) && !namesFile(graph.get(node)?.inputs.get(field))) dropped.add(node);
    }
  }
  return new Map(
    [...graph]
      .filter(([id]) => !dropped.has(id))
      .map(([id, node]) => [id, changed(node, changes.get(id), dropped)]),
  );
}

/** The graph with a client's values, but with its own files. */
function withValues(
  graph: PromptGraph,
  { inputs }: Manifest,
  parameters: Readonly<Record<string, unknown>>,
): PromptGraph {
  const values = new Map([...inputs].filter(([, { kind }]) => !isFileKind(kind)));
  return buildGraph(graph, { inputs: values }, new Map(), parameters);
}

/** The file in the form that the node needs: uploaded, or inside the prompt. */
function fileFor(classType: string, field: string, file: GraphFile | undefined): GraphFile | undefined {
  return file && isBase64Field(classType, field) ? new GraphFile(file.content, file.extension, true) : file;
}

/** Whether a loader without an uploaded file names a file that is already on the machine. */
function namesFile(value: GraphValue | undefined): boolean {
  return typeof value === 'string' && value.trim() !== '' && !isPlaceholder(value);
}

/** A node with new values, and without links to omitted nodes. */
function changed(
  node: GraphNode,
  values: ReadonlyMap<string, GraphValue> | undefined,
  dropped: ReadonlySet<string>,
): GraphNode {
  if (values === undefined && dropped.size === 0) return node;
  const inputs = [...node.inputs].flatMap(([field, own]): [string, GraphValue][] => {
    const value = values?.get(field) ?? own;
    const link = linkOf(value);
    return link !== undefined && dropped.has(link[0]) ? [] : [[field, value]];
  });
  return { ...node, inputs: new Map(inputs) };
}
