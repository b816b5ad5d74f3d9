import { extname } from 'node:path';
import { FILE_EXTENSIONS, type FileKind, type Folders } from './folders.js';
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
  const names = fileChoices(file.kind, folders);
  const spec = Array.isArray(type)
    ? ([names, options] as const)
    : ([type, { ...options, options: names }] as const);
  return { ...required, [file.input]: spec };
}

/** The files that a loader lists: those of its kind in the input folder. */
export function fileChoices(kind: FileKind, folders: Folders): string[] {
  // Loaders of audio list videos, too: they can read their sound.
  const more = kind === 'audio' ? FILE_EXTENSIONS.video : [];
  const extensions = [...FILE_EXTENSIONS[kind], ...more];
  const isOfKind = (filename: string) => extensions.includes(extname(filename).toLowerCase());
  return folders.names('input').filter(isOfKind).sort();
}
