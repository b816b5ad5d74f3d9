import { AppError } from '../../errors.js';
import { isJsonObject, type Json } from '../../utils/losslessJson.js';
import type { Target } from '../../workflows/files/manifest.js';
import { GraphFile, type GraphValue, type PromptGraph } from '../../workflows/graph.js';
import type { PlacedFile } from './GraphSubmissions.js';

/** The `__type` of an object that refers to an asset. */
const REFERENCE = 'core/ASSET';

/**
 * Returns the assets that a graph refers to instead of files: `{ "__type": "core/ASSET", "info": { "id": … } }` as the
 * whole value of an input. Other fields of the object are ignored.
 * @throws AppError `INPUT_UNREACHABLE` for a reference without an id, or inside another value
 */
export function assetReferences(graph: PromptGraph): PlacedFile[] {
  const places = new Map<string, Target[]>();
  for (const [node, { inputs }] of graph) {
    for (const [field, value] of inputs) {
      const id = assetIn({ node, field }, value);
      if (id === undefined) continue;
      const known = places.get(id);
      if (known) known.push({ node, field });
      else places.set(id, [{ node, field }]);
    }
  }
  return [...places].map(([assetId, targets]) => ({ places: targets, source: { assetId } }));
}

/** The id of the asset that a value refers to; undefined if it is no reference. */
function assetIn(place: Target, value: GraphValue): string | undefined {
  if (!isReference(value)) {
    if (holdsReference(value)) throw unusable(place, 'stands inside another value');
    return undefined;
  }
  const info = value.get('info');
  const id = isJsonObject(info) ? info.get('id') : undefined;
  if (typeof id !== 'string') throw unusable(place, 'has no id');
  return id;
}

function isReference(value: GraphValue): value is ReadonlyMap<string, Json> {
  return isJsonObject(value) && value.get('__type') === REFERENCE;
}

function holdsReference(value: GraphValue): boolean {
  if (value instanceof GraphFile) return false;
  if (Array.isArray(value)) return value.some((item: Json) => isReference(item) || holdsReference(item));
  return isJsonObject(value) && [...value.values()].some((item) => isReference(item) || holdsReference(item));
}

function unusable({ node, field }: Target, why: string): AppError {
  return new AppError(
    'INPUT_UNREACHABLE',
    `A reference to an asset in node ${JSON.stringify(node)} ${why}.`,
    {
      details: { nodes: [{ node_id: node, input: field, message: why }] },
    },
  );
}
