import { setTimeout as sleep } from 'node:timers/promises';
import { type FilePlace, type FolderType, leadsOut, nextPlaces } from './folders.js';
import { NodeException } from './NodeException.js';
import { type InputSpec, type Inputs, type NodeClass, type NodeContext, textInput } from './nodeClass.js';

/** Inputs that ComfyUI provides to nodes that write the prompt into their files. */
export const PROMPT_INPUTS = { prompt: 'PROMPT', extra_pnginfo: 'EXTRA_PNGINFO' } as const;

/** The input for the file name: a subfolder and a name, followed by the number. */
export const filenamePrefix = (value: string): InputSpec => [
  'STRING',
  { default: value, tooltip: 'Begin of the file name, with a subfolder if there is to be one.' },
];

/** Creates the class of a node that saves files and has no outputs for other nodes. */
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
 * The `filename_prefix` input.
 * @throws NodeException if it leaves the folder
 */
export function checkedPrefix(inputs: Inputs): string {
  const prefix = textInput(inputs, 'filename_prefix');
  if (!leadsOut(prefix)) return prefix;
  const message = 'Saving image outside the output folder is not allowed.';
  throw new NodeException('Exception', `**** ERROR: ${message}\n`);
}

/** Time to write a file, ms. The name is chosen before, so another machine may choose it as well. */
const WRITING_MS = 5;

/** Writes one file with the number that was free when writing started. */
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
