import { extname } from 'node:path';
import { FILE_EXTENSIONS, type Folders } from './folders.js';
import type { InputSpecs, NodeClass } from './nodeClass.js';

/** A class as `GET /object_info` lists it, with the files that can be chosen now. */
export function objectInfo(name: string, node: NodeClass, folders: Folders): Record<string, unknown> {
  const { optional, hidden, output, outputNames = output } = node;
  const groups = {
    required: withFiles(node, folders),
    ...(optional && { optional }),
    ...(hidden && { hidden }),
  };
  const order = Object.entries(groups).map(([group, inputs]) => [group, Object.keys(inputs)]);
  return {
    input: groups,
    input_order: Object.fromEntries(order),
    output,
    output_is_list: output.map(() => false),
    output_name: outputNames,
    name,
    display_name: node.displayName ?? name,
    description: node.description ?? '',
    python_module: 'nodes',
    category: node.category,
    output_node: node.outputNode === true,
  };
}

function withFiles({ required, file }: NodeClass, folders: Folders): InputSpecs {
  const [type, options = {}] = (file && required[file.input]) ?? [];
  if (!file || type === undefined) return required;
  const extensions = FILE_EXTENSIONS[file.kind];
  // Loaders of audio list videos, too: they can read their sound.
  const more = file.kind === 'audio' ? FILE_EXTENSIONS.video : [];
  const isOfKind = (filename: string) => [...extensions, ...more].includes(extname(filename).toLowerCase());
  const names = folders.names('input').filter(isOfKind).sort();
  const spec = Array.isArray(type)
    ? ([names, options] as const)
    : ([type, { ...options, options: names }] as const);
  return { ...required, [file.input]: spec };
}
