import { isJsonObject, type Json, stringifyJson } from '../../utils/losslessJson.js';
import { linkOf } from '../../workflows/graph.js';
import { UPLOAD_NAME } from '../comfyui/UploadNames.js';
import { parseMessage } from './parseMessage.js';
import { type JsonObject, objectOf, sentNode } from './sentNode.js';

/** The folder of a file behind its name, such as `photo.png [temp]`. */
const FOLDER = / \[\w+\]$/;
/** Stands for a file whose own name is not known, because the node got it from another node. */
const SOME_FILE = 'uploaded-file';

/**
 * Returns an `execution_error` message as its client may see it. Uploaded files have the names that the client gave them. Of the
 * node's inputs, only the client's own values are left, and no traceback: the others have paths and tensors of the machine.
 * @param text the message with the ids of the client
 * @param graph of the client
 */
export function errorForClient(text: string, graph: Json): string {
  const message = parseMessage(text);
  const data = isJsonObject(message) ? message.get('data') : undefined;
  if (!isJsonObject(message) || !isJsonObject(data)) return text;
  const told = objectOf(data.get('current_inputs'));
  const own = ownInputs(sentNode(graph, String(data.get('node_id'))), told);
  const said = data.get('exception_message');
  const changed = new Map(data).set('traceback', []);
  // A list if it is empty, as in ComfyUI.
  if (!Array.isArray(data.get('current_inputs'))) changed.set('current_inputs', shownInputs(own));
  if (typeof said === 'string') changed.set('exception_message', withOwnNames(said, own, told));
  return stringifyJson(new Map(message).set('data', changed));
}

/** The values that the client gave those inputs of a node that the machine lists. */
function ownInputs(node: JsonObject, told: JsonObject): JsonObject {
  const inputs = [...objectOf(node.get('inputs'))];
  return new Map(inputs.filter(([name, value]) => told.has(name) && !linkOf(value)));
}

/** As ComfyUI writes inputs: each as a list of values. */
const shownInputs = (inputs: JsonObject) => new Map([...inputs].map(([name, value]) => [name, [value]]));

function withOwnNames(text: string, own: JsonObject, told: JsonObject): string {
  const names = new Map<string, string>();
  for (const [input, value] of own) {
    const [upload] = JSON.stringify(told.get(input) ?? '').match(UPLOAD_NAME) ?? [];
    if (upload !== undefined && typeof value === 'string') names.set(upload, value.replace(FOLDER, ''));
  }
  return text.replace(UPLOAD_NAME, (upload) => names.get(upload) ?? SOME_FILE);
}
