import type { Response } from 'express';
import { AppError } from '../../errors.js';
import { detailedJob, jobStatusOf, listedJob } from '../../services/native/jobForm.js';
import type { NativePrompt } from '../../services/native/NativePrompt.js';
import type { PromptShelf } from '../../services/native/PromptShelf.js';
import { durationIn } from '../../services/native/PromptSummary.js';
import { arrayParts, partsOf } from '../../utils/jsonParts.js';
import { type Json, stringifyJson } from '../../utils/losslessJson.js';
import { jobQueryOf } from './jobQuery.js';
import { endpoint, type NativeContext, ownerOf, promptLimits } from './NativeEndpoint.js';
import { cancelAll, listed } from './queue.js';
import { readJson } from './readJson.js';
import { sendParts } from './sendParts.js';

/** The only form of ids that ComfyUI accepts in a list. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The job routes of newer ComfyUI versions. Source: ComfyUI's `server.py` and `comfy_execution/jobs.py`. */
export const jobEndpoints = [
  endpoint('get', '/api/jobs', ({ native, services }) => (request, response) => {
    const query = jobQueryOf(request);
    if ('error' in query) return sendError(response, 400, query.error);
    const { statuses, workflowId, sortBy, isAscending, limit, offset } = query;
    const sign = isAscending ? 1 : -1;
    const keyOf = (prompt: NativePrompt) =>
      sortBy === 'created_at' ? prompt.record.createTime : durationIn(prompt.summary);
    const found = promptsOf(native.shelf, ownerOf(response))
      .filter((prompt) => statuses.has(jobStatusOf(prompt)))
      .filter((prompt) => workflowId === undefined || prompt.workflowId === workflowId)
      .map((prompt) => ({ prompt, key: keyOf(prompt) }))
      .sort((one, other) => sign * (one.key - other.key));
    const shown = found
      .slice(offset, limit === undefined ? undefined : offset + limit)
      .map(({ prompt }) => prompt);
    const has_more = offset + shown.length < found.length;
    const pagination = { offset, limit: limit ?? null, total: found.length, has_more };
    const list = function* () {
      yield '{"jobs":';
      yield* arrayParts(listed(shown, listedJob));
      yield `,"pagination":${JSON.stringify(pagination)}}`;
    };
    return sendParts(request, response, list, services.turns);
  }),
  // Before the path with an id, which would match it.
  endpoint('post', '/api/jobs/cancel', (context) => {
    const limits = promptLimits(context, 0);
    return async (request, response) => {
      const body = await readJson(request, response, limits).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'MALFORMED_UPLOAD') return error;
        throw error;
      });
      if (body instanceof AppError) return sendError(response, 400, body.message);
      const ids = body.get('job_ids');
      if (!Array.isArray(ids)) return sendError(response, 400, 'job_ids must be a list');
      const owner = ownerOf(response);
      const own = new Set(promptsOf(context.native.shelf, owner).map(({ record }) => record.id));
      // This server also takes prompts with other ids, which their clients must be able to cancel.
      const isId = (id: Json): id is string => typeof id === 'string' && (UUID.test(id) || own.has(id));
      const invalid = ids.filter((id: Json) => !isId(id));
      if (invalid.length > 0) return sendError(response, 400, 'job_ids contains what is no id', invalid);
      response.json({ cancelled: await cancelIds(context, new Set(ids.filter(isId)), owner) });
    };
  }),
  endpoint('get', '/api/jobs/{id}', ({ native, services }) => (request, response) => {
    const [id, owner] = [String(request.params['id']), ownerOf(response)];
    // As in ComfyUI: of several prompts with one id, the one in the history comes first.
    const prompt = native.shelf.ended(id, owner) ?? native.shelf.open(id, owner);
    if (!prompt) return sendError(response, 404, 'Job not found');
    return sendParts(request, response, () => partsOf(detailedJob(prompt)), services.turns);
  }),
  endpoint('post', '/api/jobs/{id}/cancel', (context) => async (request, response) => {
    const ids = new Set([String(request.params['id'])]);
    response.json({ cancelled: await cancelIds(context, ids, ownerOf(response)) });
  }),
];

/** The caller's prompts in the order of ComfyUI's list: running, waiting, and the history. */
function promptsOf(shelf: PromptShelf, owner: string | undefined): NativePrompt[] {
  return [...shelf.running(owner), ...shelf.pending(owner), ...shelf.history(owner)];
}

/**
 * Cancels the caller's prompts with these ids. As in ComfyUI, of several with one id only one: a running one first.
 * @returns whether there was one to cancel
 */
async function cancelIds(
  context: NativeContext,
  ids: ReadonlySet<string>,
  owner: string | undefined,
): Promise<boolean> {
  const { shelf } = context.native;
  const found = new Map<string, NativePrompt>();
  for (const prompt of [...shelf.running(owner), ...shelf.pending(owner)]) {
    const { id } = prompt.record;
    if (ids.has(id) && !found.has(id)) found.set(id, prompt);
  }
  return cancelAll(context, [...found.values()]);
}

/** Sends an error as ComfyUI's job routes do, which differs from those of its other routes. */
function sendError(response: Response, status: number, error: string, invalid?: readonly Json[]): void {
  const texts = invalid?.map((id) => (typeof id === 'string' ? id : stringifyJson(id)));
  response.status(status).json({ error, ...(texts && { invalid_ids: texts }) });
}
