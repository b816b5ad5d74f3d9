import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../../errors.js';
import type { NativePrompt } from '../../services/native/NativePrompt.js';
import { arrayParts, objectParts } from '../../utils/jsonParts.js';
import type { Json } from '../../utils/losslessJson.js';
import { requireForwarding } from './forwarding.js';
import { endpoint, type NativeContext, ownerOf, promptLimits, sendDone } from './NativeEndpoint.js';
import { isTruthy, readJson, readJsonIfValid, textsOf } from './readJson.js';
import { sendParts } from './sendParts.js';

/** The queue, the history and cancellation, for the caller's own prompts. */
export const queueEndpoints = [
  endpoint('get', '/queue', ({ native, services }) => (request, response) => {
    const owner = ownerOf(response);
    const [running, pending] = [native.shelf.running(owner), native.shelf.pending(owner)];
    const queue = function* () {
      yield '{"queue_running":';
      yield* arrayParts(listed(running, (prompt) => prompt.listed()));
      yield ',"queue_pending":';
      yield* arrayParts(listed(pending, (prompt) => prompt.listed()));
      yield '}';
    };
    return sendParts(request, response, queue, services.turns);
  }),
  endpoint('post', '/queue', (context) =>
    command(context, async (body, owner) => {
      const { shelf } = context.native;
      const ids = new Set(textsOf(body.get('delete')));
      const isMeant = ({ record }: NativePrompt) => isTruthy(body.get('clear')) || ids.has(record.id);
      await cancelAll(context, shelf.pending(owner).filter(isMeant));
    }),
  ),
  endpoint('post', '/interrupt', (context) =>
    command(
      context,
      async (body, owner) => {
        const id = body.get('prompt_id');
        const running = context.native.shelf.running(owner);
        await cancelAll(context, isTruthy(id) ? running.filter(({ record }) => record.id === id) : running);
      },
      readJsonIfValid,
    ),
  ),
  endpoint('get', '/history', (context) => (request, response) => {
    const all = context.native.shelf.history(ownerOf(response));
    const max = numberOf(request, 'max_items') ?? all.length;
    const offset = numberOf(request, 'offset') ?? -1;
    const shown = offset < 0 ? all.slice(Math.max(0, all.length - max)) : all.slice(offset, offset + max);
    return sendHistory(context, request, response, shown);
  }),
  endpoint('get', '/history/{id}', (context) => (request, response) => {
    const prompt = context.native.shelf.ended(String(request.params['id']), ownerOf(response));
    return sendHistory(context, request, response, prompt ? [prompt] : []);
  }),
  endpoint('post', '/history', (context) =>
    command(context, async (body, owner) => {
      const { shelf } = context.native;
      const ids = new Set(textsOf(body.get('delete')));
      for (const prompt of shelf.history(owner)) {
        if (isTruthy(body.get('clear')) || ids.has(prompt.record.id)) shelf.forget(prompt);
      }
    }),
  ),
  endpoint('post', '/free', (context) => [
    // It changes something on the machines, for all clients.
    requireForwarding(context),
    command(context, async (body) => {
      if (!isTruthy(body.get('unload_models')) && !isTruthy(body.get('free_memory'))) return;
      // An unreachable machine has no memory to free.
      await Promise.allSettled(context.native.fleet.healthy.map(({ client }) => client.freeMemory()));
    }),
  ]),
];

/**
 * Runs a command from the body, with an empty response.
 * @param read how the body is read
 */
function command(
  context: NativeContext,
  run: (body: ReadonlyMap<string, Json>, owner: string | undefined) => Promise<void>,
  read = readJson,
): RequestHandler {
  const limits = promptLimits(context, 0);
  return async (request: Request, response: Response) => {
    await run(await read(request, response, limits), ownerOf(response));
    sendDone(response);
  };
}

/**
 * Cancels prompts; a prompt that has just ended is ignored.
 * @returns whether one was cancelled
 */
export async function cancelAll(
  { services }: NativeContext,
  prompts: readonly NativePrompt[],
): Promise<boolean> {
  const cancel = async ({ record }: NativePrompt) => {
    try {
      await services.manager.cancel(record.jobId);
      return true;
    } catch (error) {
      const isOver =
        error instanceof AppError && ['JOB_ALREADY_FINISHED', 'JOB_NOT_FOUND'].includes(error.code);
      if (!isOver) throw error;
      return false;
    }
  };
  return (await Promise.all(prompts.map(cancel))).includes(true);
}

function sendHistory(
  { services }: NativeContext,
  request: Request,
  response: Response,
  prompts: readonly NativePrompt[],
): Promise<void> {
  const entry = (prompt: NativePrompt) => [prompt.record.id, prompt.history()] as const;
  return sendParts(request, response, () => objectParts(listed(prompts, entry)), services.turns);
}

/** Returns the entries of prompts one by one, without those of prompts that were removed meanwhile. */
export function* listed<Entry>(
  prompts: readonly NativePrompt[],
  entryOf: (prompt: NativePrompt) => Entry,
): Generator<Entry> {
  for (const prompt of prompts) if (!prompt.isDropped) yield entryOf(prompt);
}

function numberOf({ query }: Request, name: string): number | undefined {
  const value = query[name];
  return typeof value === 'string' && /^-?\d{1,9}$/.test(value) ? Number(value) : undefined;
}
