import { isJsonObject, type Json } from '../../utils/losslessJson.js';
import { fileFields, isBase64Field } from '../../workflows/files/loaders.js';
import type { NodeLookup } from '../../workflows/files/nodeInfo.js';
import type { GraphNode, PromptGraph } from '../../workflows/graph.js';
import { checkPrompt, type PromptRefusal } from '../../workflows/objectInfo/checkPrompt.js';
import { choicesOf, declaredInputs, type ObjectInfo } from '../../workflows/objectInfo/mergeObjectInfo.js';
import type { NodeErrors } from '../../workflows/objectInfo/PromptCheck.js';
import type { PlacedFile } from '../submissions/GraphSubmissions.js';
import type { ReceivedFile } from '../submissions/Submission.js';
import { annotatedPlace } from './filePlace.js';
import type { InputFiles } from './InputFiles.js';

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
  readonly #inputs: InputFiles;

  constructor(inputs: InputFiles) {
    this.#inputs = inputs;
  }

  /** @param classes node classes of the machines */
  take(
    prompt: JsonObject,
    classes: ObjectInfo,
    owner: string | undefined,
  ): TakenPrompt | { readonly refusal: PromptRefusal } {
    const infoOf: NodeLookup = (name) => classes.get(name)?.info;
    const checked = checkPrompt(prompt, classes, (node, input, value) => {
      const field = fileFields(node, infoOf(node.classType)).find((one) => one.field === input);
      if (!field || isBase64Field(node.classType, input)) return undefined;
      const isThere = this.#isThere(classes.get(node.classType)?.json, input, value, owner);
      return { kind: field.kind === 'mask' ? 'image' : field.kind, isThere };
    });
    if ('refusal' in checked) return checked;
    const bad = new Set(checked.badOutputs);
    const graph = new Map([...checked.graph].filter(([id]) => !bad.has(id)));
    const taking = new FileTaking(this.#inputs, owner);
    for (const [id, node] of graph) graph.set(id, taking.from(id, node, infoOf));
    return {
      graph,
      files: taking.files,
      shown: taking.hasInside ? withGraph(prompt, graph) : prompt,
      outputNodes: checked.outputs,
      nodeErrors: checked.node_errors,
    };
  }

  /** Returns whether a file exists. A file that machines do not list, such as one in a folder, counts as existing. */
  #isThere(info: Json | undefined, input: string, value: string, owner: string | undefined): boolean {
    const place = annotatedPlace(value);
    if (!place) return false;
    if (this.#inputs.get(owner, place)) return true;
    if (place.type !== 'input' || place.subfolder !== '') return true;
    const declared = declaredInputs(info).find(([name]) => name === input)?.[1];
    return choicesOf(declared)?.includes(place.filename) ?? true;
  }
}

/** Extracts the files of one prompt. */
class FileTaking {
  readonly files: PlacedFile[] = [];
  hasInside = false;
  readonly #inputs: InputFiles;
  readonly #owner: string | undefined;
  readonly #byName = new Map<string, { places: { node: string; field: string }[]; source: ReceivedFile }>();

  constructor(inputs: InputFiles, owner: string | undefined) {
    this.#inputs = inputs;
    this.#owner = owner;
  }

  /** @returns the node without the extracted files */
  from(id: string, node: GraphNode, infoOf: NodeLookup): GraphNode {
    const inside: string[] = [];
    for (const { field } of fileFields(node, infoOf(node.classType))) {
      const value = node.inputs.get(field);
      if (typeof value !== 'string') continue;
      if (!isBase64Field(node.classType, field)) this.#takeUpload(id, field, value);
      else if (this.#takeInside(id, field, value)) inside.push(field);
    }
    if (inside.length === 0) return node;
    this.hasInside = true;
    const inputs = new Map(node.inputs);
    for (const field of inside) inputs.set(field, '');
    return { ...node, inputs };
  }

  #takeUpload(node: string, field: string, value: string): void {
    const place = annotatedPlace(value);
    const file = place && this.#inputs.get(this.#owner, place);
    if (!file) return;
    const known = this.#byName.get(value);
    if (known) {
      known.places.push({ node, field });
      return;
    }
    const taken = {
      places: [{ node, field }],
      source: { bytes: file.content, filename: file.filename },
    };
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
