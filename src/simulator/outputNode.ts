import { setTimeout as sleep } from 'node:timers/promises';
import { type FilePlace, type FolderType, leadsOut, nextPlaces } from './folders.js';
import { NodeException } from './NodeException.js';
import { type InputSpec, type Inputs, type NodeClass, type NodeContext, textInput } from './nodeClass.js';

/** What ComfyUI gives to nodes that write the prompt into their files. */
export const PROMPT_INPUTS = { prompt: 'PROMPT', extra_pnginfo: 'EXTRA_PNGINFO' } as const;

/** The input that says what files are called: a subfolder and a name, behind which the number comes. */
export const filenamePrefix = (value: string): InputSpec => [
  'STRING',
  { default: value, tooltip: 'Begin of the file name, with a subfolder if there is to be one.' },
];

/** A node that has no outputs for others and tells what it has saved. */
export function outputNode({
  save,
  ...described
}: Omit<NodeClass, 'output' | 'run'> & {
  save(inputs: Inputs, context: NodeContext): unknown;
}): NodeClass {
  return {
    ...described,
    output: [],
    outputNode: true,
    run: async (inputs, context) => ({ values: [], ui: await save(inputs, context) }),
  };
}

/**
 * Where a node may write, by its `filename_prefix`.
 * @throws NodeException when that leads out of the folder
 */
export function checkedPrefix(inputs: Inputs): string {
  const prefix = textInput(inputs, 'filename_prefix');
  if (!leadsOut(prefix)) return prefix;
  const message = 'Saving image outside the output folder is not allowed.';
  throw new NodeException('Exception', `**** ERROR: ${message}\n`);
}

/** How long a file is written, ms: its name is chosen before, and another machine may choose it too. */
const WRITING_MS = 5;

/** Writes one file under the number that was free when the writing began. */
export async function written(
  inputs: Inputs,
  { folders }: NodeContext,
  extension: string,
  bytes: Buffer,
  type: FolderType = 'output',
): Promise<FilePlace> {
  const [place] = nextPlaces(folders, type, checkedPrefix(inputs), { extension });
  if (!place) throw new Error('one place was asked for');
  await sleep(WRITING_MS);
  folders.write(place, bytes);
  return place;
}
