import type { GraphNode } from '../graph.js';
import { type GraphView, linksOf } from './GraphView.js';
import type { NodeInfo } from './nodeInfo.js';
import { invalidWorkflow } from './workflowError.js';

/**
 * Maximum outputs that are derived. Ranking them costs work for each pair of an output and a node, and a workflow with more is
 * better described by its author.
 */
const MAX_DERIVED = 100;

/** A node whose files or text are results. */
export interface FoundOutput {
  readonly id: string;
  /** The likely kind, for its name. The content decides the real kind. */
  readonly sort: string;
}

const SAVES = /save|videocombine|websocket|export/i;
const PREVIEWS = /preview|^show|showtext|display|compare/i;
/** They write models to the disk of the machine and return no file. */
const SAVES_MODELS =
  /(checkpoint|model|clip|vae|lora|embedding|unet|state)_?s?save|save_?(checkpoint|model|clip|vae|lora|embedding|unet|state)/i;
/** They send their result only to the client whose WebSocket queued the prompt. There is no file, and so no result of a job. */
const SENDS = /^(SaveImageWebsocket|ETN_SendImageWebSocket|SwarmSave\w+WS)$/;
const SAMPLES = /sampler(?!select)/i;

/** The kind that a class produces, by words in its name. The first match wins. */
const SORTS: readonly [RegExp, string][] = [
  [/video|webm|mp4/i, 'video'],
  [/audio|mp3|flac|opus/i, 'audio'],
  [/glb|3d|mesh/i, 'model'],
  [/latent/i, 'latent'],
  [/image|mask|webp|png/i, 'image'],
  [/text|string|any|show|display/i, 'text'],
];

/** Whether a node sends what it gets only over a WebSocket, and makes no file. */
export function isSender({ classType }: GraphNode): boolean {
  return SENDS.test(classType);
}

/**
 * The nodes that produce the results: those that save, or those that preview if nothing is saved. Nodes that only send
 * over a WebSocket are the last choice: `checkResults` names them. If one follows another in the same chain, such as
 * the upscaled image after the first one, the later one comes first. All others keep the order of the file.
 * @throws AppError `INVALID_WORKFLOW` if there are too many
 */
export function findOutputs(view: GraphView): readonly FoundOutput[] {
  const ranked = [...view.graph].map(([id, node]) => {
    const rank = rankOf(node, view.infoOf(node.classType));
    return { id, node, rank: rank !== undefined && isSender(node) ? 'send' : rank };
  });
  const groups = ['save', 'preview', 'send'].map((wanted) => ranked.filter(({ rank }) => rank === wanted));
  const chosen = groups.find(({ length }) => length > 0) ?? [];
  if (chosen.length > MAX_DERIVED) {
    throw invalidWorkflow(
      `The graph has more than ${MAX_DERIVED} nodes that save or preview a result. List its outputs in a manifest.`,
    );
  }
  const samplers = samplersBefore(
    view,
    chosen.map(({ id }) => id),
  );
  return chosen
    .map(({ id, node }, n) => ({ id, sort: sortOf(node.classType), samplers: samplers[n] ?? 0 }))
    .toSorted((one, other) => other.samplers - one.samplers)
    .map(({ id, sort }) => ({ id, sort }));
}

/** Every node that saves or shows something: those that save first, each group in the order of the file. */
export function findAllOutputs(view: GraphView): readonly FoundOutput[] {
  const ranked = [...view.graph].flatMap(([id, node]) => {
    const info = view.infoOf(node.classType);
    const rank = rankOf(node, info) ?? (info?.output_node === true ? 'preview' : undefined);
    return rank === undefined ? [] : [{ id, rank, sort: sortOf(node.classType) }];
  });
  const ofRank = (wanted: string) => ranked.filter(({ rank }) => rank === wanted);
  return [...ofRank('save'), ...ofRank('preview')].map(({ id, sort }) => ({ id, sort }));
}

function rankOf(node: GraphNode, info: NodeInfo | undefined): 'save' | 'preview' | undefined {
  const { classType } = node;
  // A node without an incoming link has nothing to save. Outgoing links say nothing: some nodes pass their input on.
  if (linksOf(node).length === 0 || SAVES_MODELS.test(classType) || info?.output_node === false)
    return undefined;
  if (PREVIEWS.test(classType) || node.inputs.get('save_output') === false) return 'preview';
  return SAVES.test(classType) || info?.output_node === true ? 'save' : undefined;
}

function sortOf(classType: string): string {
  return SORTS.find(([pattern]) => pattern.test(classType))?.[1] ?? 'image';
}

/** The number of samplers that each of these nodes needs. One walk through the graph counts for all of them. */
function samplersBefore(view: GraphView, ids: readonly string[]): readonly number[] {
  const counts = ids.map(() => 0);
  /** By node: a bit for each of `ids` that needs it. */
  const needs = new Map(ids.map((id, n) => [id, 1n << BigInt(n)]));
  for (const id of view.neededBy(ids)) {
    const node = view.graph.get(id);
    const own = needs.get(id);
    if (node === undefined || own === undefined) continue;
    if (SAMPLES.test(node.classType)) {
      for (const [n, count] of counts.entries()) if ((own >> BigInt(n)) & 1n) counts[n] = count + 1;
    }
    for (const [, [source]] of linksOf(node)) needs.set(source, (needs.get(source) ?? 0n) | own);
  }
  return counts;
}
