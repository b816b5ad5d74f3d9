import type { Readable } from 'node:stream';
import { isQueueAway, PromptError } from '../../errors.js';
import type { Content } from '../../utils/StoredFile.js';
import { sleep } from '../../utils/timers.js';
import { MAX_RESULTS } from '../../workflows/graphLimits.js';
import type { ComfyClient } from './ComfyClient.js';
import type { OutputFile, OutputItem } from './outputItems.js';
import { markOf, workflowFilename, workflowNodeId } from './ownOutputs.js';
import type { PromptFollower } from './PromptFollower.js';
import type { MadeByNode } from './promptTracker.js';
import { viewAgain } from './severalMachines.js';

/** How the machine reported an output. */
export interface OutputOrigin {
  /** The mark in the names of the prompt's nodes and files (`ownOutputs`). */
  readonly mark: string;
  /** The key of the list that contains the output, such as `images` or `gifs`. */
  readonly key: string;
  /** undefined for a reported text */
  readonly file?: OutputFile | undefined;
}

/** An output of an output node. */
export interface MadeOutput {
  /** The output node's id in the workflow. */
  readonly nodeId: string;
  /** The file name that the workflow's own node would have chosen; undefined for a reported text. */
  readonly filename: string | undefined;
  readonly bytes: Content;
  /** undefined if the prompt's nodes have no mark */
  readonly origin?: OutputOrigin | undefined;
}

/**
 * Reads a file's bytes as a stream and returns the stored content. Called again for the same file if the stream failed, or
 * as long as it throws AppError `QUEUE_UNAVAILABLE`.
 * @param filename ComfyUI's name for the file
 * @param mark of the prompt (`ownOutputs`)
 */
export type OutputReceiver = (body: Readable, filename: string, mark: string | undefined) => Promise<Content>;

/** Outputs that were fetched while the prompt ran. */
interface FetchedBefore {
  /** Resolves when no more outputs are fetched. */
  end(): Promise<void>;
  /** @param id of the output node in the prompt */
  get(id: string, item: OutputItem): MadeOutput | undefined;
}

/** Delay before a file that could not be stored is fetched again, ms. */
const STORE_RETRY_MS = 1000;

interface Source {
  readonly client: ComfyClient;
  readonly follower: Pick<PromptFollower, 'patiently'>;
  /** In the order of the outputs. */
  readonly outputNodes: readonly string[];
  /** Maximum size of all outputs in memory, bytes. */
  readonly maxBytes: number;
  readonly receive: OutputReceiver | undefined;
  /** Outputs that were already fetched. */
  readonly early: FetchedBefore | undefined;
}

/**
 * Fetches the outputs of the output nodes, one after the other.
 * @returns in the order of the output nodes; several outputs of one node in the node's order
 * @throws PromptError `result too large`, `result gone`, `result out of reach`, or why the instance does not respond; the signal's reason
 */
export async function fetchOutputs(
  source: Source,
  made: MadeByNode,
  signal: AbortSignal,
): Promise<MadeOutput[]> {
  const items = source.outputNodes.flatMap((id) => (made.get(id) ?? []).map((item) => ({ id, item })));
  if (items.length > MAX_RESULTS) {
    throw tooMuch(`${items.length} files and texts; the maximum is ${MAX_RESULTS}`);
  }
  await source.early?.end();
  const outputs: MadeOutput[] = [];
  let left = source.maxBytes;
  for (const { id, item } of items) {
    const made = source.early?.get(id, item) ?? (await fetched(source, id, item, signal));
    if (Buffer.isBuffer(made.bytes)) left -= made.bytes.length;
    if (left < 0) throw tooMuch('more bytes than results may have (MAX_RESULT_MEMORY)');
    outputs.push(made);
  }
  return outputs;
}

async function fetched(
  source: Source,
  id: string,
  item: OutputItem,
  signal: AbortSignal,
): Promise<MadeOutput> {
  const bytes = item.kind === 'text' ? Buffer.from(item.text) : await view(source, id, item.file, signal);
  return madeOutput(id, item, bytes);
}

/** @param id of the output node in the prompt */
export function madeOutput(id: string, item: OutputItem, bytes: Content): MadeOutput {
  const filename = item.kind === 'text' ? undefined : workflowFilename(item.file.filename, id);
  const file = item.kind === 'text' ? undefined : item.file;
  const mark = markOf(id);
  const origin = mark === undefined ? undefined : { mark, key: item.key, file };
  return { nodeId: workflowNodeId(id), filename, bytes, origin };
}

/** Fetches a file. The machine keeps it, so this is repeated while the store is unavailable. */
async function view(source: Source, id: string, file: OutputFile, signal: AbortSignal): Promise<Content> {
  for (;;) {
    try {
      return await viewOnce(source, id, file, signal);
    } catch (error) {
      if (!isQueueAway(error)) throw error;
      await sleep(STORE_RETRY_MS, signal);
      signal.throwIfAborted();
    }
  }
}

/**
 * Fetches a file. The work is done, so this is retried as long as the machine may be busy, rather than running the prompt again.
 */
async function viewOnce(
  { client, follower, receive }: Source,
  id: string,
  file: OutputFile,
  signal: AbortSignal,
): Promise<Content> {
  const look = (one: ComfyClient): Promise<Content> =>
    receive
      ? one.files.stream(file, (body) => receive(body, file.filename, markOf(id)), signal)
      : one.files.view(file, signal);
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
