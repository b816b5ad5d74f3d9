import { isJsonObject, type Json } from '../../utils/losslessJson.js';
import { neededBy } from '../../workflows/files/GraphView.js';
import { fileFields, isBase64Field } from '../../workflows/files/loaders.js';
import type { NodeLookup } from '../../workflows/files/nodeInfo.js';
import type { GraphNode, PromptGraph } from '../../workflows/graph.js';
import {
  type CheckedPrompt,
  checkPrompt,
  type PromptRefusal,
} from '../../workflows/objectInfo/checkPrompt.js';
import type { NodeErrors } from '../../workflows/objectInfo/PromptCheck.js';
import type { FleetInfo } from '../instances/FleetInfo.js';
import type { PlacedFile } from '../submissions/GraphSubmissions.js';
import type { FileSource } from '../submissions/Submission.js';
import type { CallerFiles, FileCaller } from './CallerFiles.js';
import { PromptFinds } from './PromptFinds.js';

type JsonObject = ReadonlyMap<string, Json>;

/** A prompt that can be submitted. */
export interface TakenPrompt {
  /** The part of the prompt that runs. */
  readonly graph: PromptGraph;
  readonly files: readonly PlacedFile[];
  /** As the client sent it, but without base64 files. */
  readonly shown: Json;
  /** The output nodes that run. */
  readonly outputNodes: readonly string[];
  readonly nodeErrors: ReadonlyMap<string, NodeErrors>;
}

/** Shorter texts stay in the prompt. */
const MIN_BASE64 = 4096;

/** Name of a file that was inside the prompt. */
const INSIDE = 'inside.png';

/** Reads a client's prompt: validates it as ComfyUI does, and finds the files that belong to it. */
export class PromptIntake {
  readonly #files: CallerFiles;
  readonly #fleet: FleetInfo;

  constructor(files: CallerFiles, fleet: FleetInfo) {
    this.#files = files;
    this.#fleet = fleet;
  }

  /**
   * @param targets ids of the only output nodes that may run; all by default
   * @throws AppError `NO_HEALTHY_INSTANCES` if no machine ever reported its nodes
   */
  async take(
    prompt: JsonObject,
    caller: FileCaller,
    targets: ReadonlySet<string> | undefined,
  ): Promise<TakenPrompt | { readonly refusal: PromptRefusal }> {
    const classes = await this.#fleet.objectInfo();
    const infoOf: NodeLookup = (name) => classes.get(name)?.info;
    const found = new PromptFinds(this.#files, this.#fleet, caller);
    const check = () =>
      checkPrompt(prompt, classes, (node, input, value) => found.check(node, input, value, infoOf), targets);
    let checked = check();
    // Only the check tells which files the prompt needs.
    if (found.hasNew) {
      await found.find();
      checked = check();
    }
    if ('refusal' in checked) return checked;
    const graph = partThatRuns(checked, targets);
    const taking = new FileTaking(found);
    for (const [id, node] of graph) graph.set(id, taking.from(id, node, infoOf));
    return {
      graph,
      files: taking.files,
      shown: taking.hasInside ? withGraph(prompt, graph) : prompt,
      outputNodes: checked.outputs,
      nodeErrors: checked.node_errors,
    };
  }
}

/** Returns the graph without the outputs that do not run. With targets, only what they need is left. */
function partThatRuns(
  { graph, outputs, badOutputs }: CheckedPrompt,
  targets: ReadonlySet<string> | undefined,
): Map<string, GraphNode> {
  if (targets) {
    const needed = neededBy(graph, outputs);
    return new Map([...graph].filter(([id]) => needed.has(id)));
  }
  const bad = new Set(badOutputs);
  return new Map([...graph].filter(([id]) => !bad.has(id)));
}

/** Extracts the files of one prompt. */
class FileTaking {
  readonly files: PlacedFile[] = [];
  hasInside = false;
  readonly #found: PromptFinds;
  readonly #byName = new Map<string, { places: { node: string; field: string }[]; source: FileSource }>();

  constructor(found: PromptFinds) {
    this.#found = found;
  }

  /** @returns the node without the extracted files */
  from(id: string, node: GraphNode, infoOf: NodeLookup): GraphNode {
    const inside: string[] = [];
    for (const { field } of fileFields(node, infoOf(node.classType))) {
      const value = node.inputs.get(field);
      if (typeof value !== 'string') continue;
      if (!isBase64Field(node.classType, field)) this.#takeNamed(id, field, value);
      else if (this.#takeInside(id, field, value)) inside.push(field);
    }
    if (inside.length === 0) return node;
    this.hasInside = true;
    const inputs = new Map(node.inputs);
    for (const field of inside) inputs.set(field, '');
    return { ...node, inputs };
  }

  #takeNamed(node: string, field: string, value: string): void {
    const source = this.#found.source(value);
    if (!source) return;
    const known = this.#byName.get(value);
    if (known) {
      known.places.push({ node, field });
      return;
    }
    const taken = { places: [{ node, field }], source };
    this.#byName.set(value, taken);
    this.files.push(taken);
  }

  /** Keeps a large base64 image as bytes; it becomes the same text again when the prompt is sent. */
  #takeInside(node: string, field: string, value: string): boolean {
    if (value.length < MIN_BASE64) return false;
    const bytes = Buffer.from(value, 'base64');
    if (bytes.toString('base64') !== value) return false;
    this.files.push({ places: [{ node, field }], source: { bytes, filename: INSIDE } });
    return true;
  }
}

/** Returns the prompt with the inputs of a graph. */
function withGraph(prompt: JsonObject, graph: PromptGraph): Json {
  return new Map(
    [...prompt].map(([id, node]): [string, Json] => {
      const inputs = graph.get(id)?.inputs;
      return [id, inputs && isJsonObject(node) ? new Map(node).set('inputs', inputs as JsonObject) : node];
    }),
  );
}
