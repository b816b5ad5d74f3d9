import { isJsonObject, type Json } from '../../utils/losslessJson.js';

export type JsonObject = ReadonlyMap<string, Json>;

/** Returns a node of the graph as its client sent it; an empty one if there is none. */
export function sentNode(graph: Json, id: string): JsonObject {
  return objectOf(objectOf(graph).get(id));
}

/** Returns an object; an empty one for anything else. */
export function objectOf(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : new Map();
}
