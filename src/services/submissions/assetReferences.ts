import { AppError } from '../../errors.js';
import { isJsonObject, type Json } from '../../utils/losslessJson.js';
import type { Target } from '../../workflows/files/manifest.js';
import { GraphFile, type GraphValue, type PromptGraph } from '../../workflows/graph.js';
import type { PlacedFile } from './GraphSubmissions.js';

/** What an object says that stands for an asset in a graph. */
const REFERENCE = 'core/ASSET';

/**
 * The assets that a graph names in place of files: `{ "__type": "core/ASSET", "info": { "id": … } }` as the whole value of an
 * input. Of what else they say of the asset nothing counts.
 * @throws AppError `INPUT_UNREACHABLE` for one without an id, or inside another value
 */
export function assetReferences(graph: PromptGraph): PlacedFile[] {
  const places = new Map<string, Target[]>();
  for (const [node, { inputs }] of graph) {
    for (const [field, value] of inputs) {
      if (!isReference(value)) {
        if (holdsReference(value)) throw unusable(node, 'stands inside another value');
        continue;
      }
      const info = value.get('info');
      const id = isJsonObject(info) ? info.get('id') : undefined;
      if (typeof id !== 'string') throw unusable(node, 'has no id');
      places.set(id, [...(places.get(id) ?? []), { node, field }]);
    }
  }
  return [...places].map(([assetId, targets]) => ({ places: targets, source: { assetId } }));
}

function isReference(value: GraphValue): value is ReadonlyMap<string, Json> {
  return isJsonObject(value) && value.get('__type') === REFERENCE;
}

function holdsReference(value: GraphValue): boolean {
  if (value instanceof GraphFile) return false;
  if (Array.isArray(value)) return value.some((item: Json) => isReference(item) || holdsReference(item));
  return isJsonObject(value) && [...value.values()].some((item) => isReference(item) || holdsReference(item));
}

function unusable(node: string, why: string): AppError {
  return new AppError(
    'INPUT_UNREACHABLE',
    `A reference to an asset in node ${JSON.stringify(node)} ${why}.`,
    {
      details: { nodes: [{ node_id: node, message: why }] },
    },
  );
}
