import type { Readable } from 'node:stream';
import { PromptError } from '../../errors.js';
import type { Content } from '../../utils/StoredFile.js';
import type { ComfyClient } from './ComfyClient.js';
import type { OutputFile } from './outputItems.js';
import { workflowFilename, workflowNodeId } from './ownOutputs.js';
import type { PromptFollower } from './PromptFollower.js';
import type { MadeByNode } from './promptTracker.js';
import { viewAgain } from './severalMachines.js';

/** One output of an output node. */
export interface MadeOutput {
  /** The output node's id in the workflow. */
  readonly nodeId: string;
  /** File name that the workflow's node would have chosen; undefined for a text. */
  readonly filename: string | undefined;
  readonly bytes: Content;
}

/**
 * Receives the bytes of a file as a stream, and returns what to keep. Called again for the same file after a failed
 * transfer.
 * @param filename as ComfyUI named the file
 */
export type OutputReceiver = (body: Readable, filename: string) => Promise<Content>;

/** Maximum files and texts of one prompt. */
const MAX_OUTPUTS = 1000;

interface Source {
  readonly client: ComfyClient;
  readonly follower: Pick<PromptFollower, 'patiently'>;
  /** In the order of the outputs. */
  readonly outputNodes: readonly string[];
  /** Maximum bytes of all outputs in memory. */
  readonly maxBytes: number;
  readonly receive: OutputReceiver | undefined;
}

/**
 * Downloads what the output nodes produced, one after the other.
 * @returns in the order of the output nodes, and several outputs of one node in their own order
 * @throws PromptError `result too large`, `result gone`, or why the instance does not respond; the signal's reason
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
  const outputs: MadeOutput[] = [];
  let left = source.maxBytes;
  for (const { nodeId, item } of items) {
    const bytes = item.kind === 'text' ? Buffer.from(item.text) : await view(source, item.file, signal);
    if (Buffer.isBuffer(bytes)) left -= bytes.length;
    if (left < 0) throw tooMuch('more bytes than results may have (MAX_RESULT_MEMORY)');
    const filename = item.kind === 'text' ? undefined : workflowFilename(item.file.filename);
    outputs.push({ nodeId, filename, bytes });
  }
  return outputs;
}

/** The work is done, so this request is repeated as long as the machine may be busy, before the work is repeated. */
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
