import type { Readable } from 'node:stream';
import { PromptError } from '../../errors.js';
import type { Content } from '../../utils/StoredFile.js';
import type { ComfyClient } from './ComfyClient.js';
import type { OutputFile, OutputItem } from './outputItems.js';
import { workflowFilename, workflowNodeId } from './ownOutputs.js';
import type { PromptFollower } from './PromptFollower.js';
import type { MadeByNode } from './promptTracker.js';
import { viewAgain } from './severalMachines.js';

/** Something that an output node made. */
export interface MadeOutput {
  /** The output node, as the workflow has it. */
  readonly nodeId: string;
  /** Name of the file as the workflow's node would have called it; undefined for a text that the node told. */
  readonly filename: string | undefined;
  readonly bytes: Content;
}

/**
 * Takes a file's bytes as they come, and gives what has become of them. Called again for the same file when they could not
 * be read to their end.
 * @param filename as ComfyUI called the file
 */
export type OutputReceiver = (body: Readable, filename: string) => Promise<Content>;

/** Outputs that were fetched while the prompt ran. */
interface FetchedBefore {
  /** Resolves when no more are fetched. */
  end(): Promise<void>;
  get(nodeId: string, item: OutputItem): MadeOutput | undefined;
}

/** Files and texts that are taken of one prompt. */
const MAX_OUTPUTS = 1000;

interface Source {
  readonly client: ComfyClient;
  readonly follower: Pick<PromptFollower, 'patiently'>;
  /** In the order of the outputs. */
  readonly outputNodes: readonly string[];
  /** Bytes of everything together that is in memory. */
  readonly maxBytes: number;
  readonly receive: OutputReceiver | undefined;
  /** What is here already. */
  readonly early: FetchedBefore | undefined;
}

/**
 * Fetches what output nodes made, one after the other.
 * @returns in the order of the output nodes, and what one node made in its own order
 * @throws PromptError `result too large`, `result gone`, or why the instance does not answer; the signal's reason
 */
export async function fetchOutputs(
  source: Source,
  made: MadeByNode,
  signal: AbortSignal,
): Promise<MadeOutput[]> {
  const items = source.outputNodes.flatMap((id) =>
    (made.get(id) ?? []).map((item) => ({ nodeId: workflowNodeId(id), item })),
  );
  if (items.length > MAX_OUTPUTS) {
    throw tooMuch(`${items.length} files and texts; the maximum is ${MAX_OUTPUTS}`);
  }
  await source.early?.end();
  const outputs: MadeOutput[] = [];
  let left = source.maxBytes;
  for (const { nodeId, item } of items) {
    const made = source.early?.get(nodeId, item) ?? (await fetched(source, nodeId, item, signal));
    if (Buffer.isBuffer(made.bytes)) left -= made.bytes.length;
    if (left < 0) throw tooMuch('more bytes than results may have (MAX_RESULT_MEMORY)');
    outputs.push(made);
  }
  return outputs;
}

async function fetched(
  source: Source,
  nodeId: string,
  item: OutputItem,
  signal: AbortSignal,
): Promise<MadeOutput> {
  const bytes = item.kind === 'text' ? Buffer.from(item.text) : await view(source, item.file, signal);
  return madeOutput(nodeId, item, bytes);
}

/** @param nodeId as the workflow has it */
export function madeOutput(nodeId: string, item: OutputItem, bytes: Content): MadeOutput {
  const filename = item.kind === 'text' ? undefined : workflowFilename(item.file.filename);
  return { nodeId, filename, bytes };
}

/** The work is done, so this is asked again for as long as the machine may be busy, before the work is done again. */
async function view(
  { client, follower, receive }: Source,
  file: OutputFile,
  signal: AbortSignal,
): Promise<Content> {
  const look = (one: ComfyClient): Promise<Content> =>
    receive ? one.viewStream(file, (body) => receive(body, file.filename), signal) : one.view(file, signal);
  try {
    return await follower.patiently(() => look(client), signal);
  } catch (error) {
    const isGone = error instanceof PromptError && error.failure === 'result gone';
    const found = isGone ? await viewAgain(client, look) : undefined;
    if (found) return found;
    throw error;
  }
}

function tooMuch(what: string): PromptError {
  return new PromptError('result too large', `The prompt produced ${what}.`);
}
