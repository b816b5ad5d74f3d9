import type { Request } from 'express';
import { AppError } from '../../errors.js';
import type { NativePrompt } from '../../services/native/NativePrompt.js';
import { isJsonObject, type Json } from '../../utils/losslessJson.js';
import { endpoint, type NativeContext, ownerOf, sendJson } from './NativeEndpoint.js';
import { cancelAll } from './queue.js';

const STATUSES = ['pending', 'in_progress', 'completed', 'failed', 'cancelled'] as const;

type Status = (typeof STATUSES)[number];

const MAX_LIMIT = 1000;
const DEFAULT_LIMIT = 100;

/** The job routes of newer ComfyUI versions. Source: ComfyUI's `server.py` and `comfy_execution/jobs.py`. */
export const jobEndpoints = [
  endpoint('get', '/api/jobs', ({ native }) => (request, response) => {
    const wanted = statusesOf(request);
    const [limit, offset] = [numberOf(request, 'limit', DEFAULT_LIMIT), numberOf(request, 'offset', 0)];
    const { shelf } = native;
    const owner = ownerOf(response);
    const all = [...shelf.history(owner), ...shelf.running(owner), ...shelf.pending(owner)]
      .filter((prompt) => wanted.has(statusOf(prompt)))
      .sort((one, other) => other.record.createdTime - one.record.createdTime);
    const shown = all.slice(offset, offset + Math.min(limit, MAX_LIMIT));
    const pagination = { offset, limit, total: all.length, has_more: offset + shown.length < all.length };
    sendJson(
      response,
      new Map<string, Json>([
        ['jobs', shown.map(jobJson)],
        ['pagination', new Map(Object.entries(pagination))],
      ]),
    );
  }),
  endpoint('get', '/api/jobs/{id}', (context) => (request, response) => {
    const prompt = promptOf(context, request, ownerOf(response));
    const { graph, extraData } = prompt.record;
    const details: readonly [string, Json][] = [
      ['outputs', prompt.outputs],
      ['workflow', new Map(Object.entries({ prompt: graph, extra_data: extraData }))],
    ];
    sendJson(response, new Map([...jobJson(prompt), ...details]));
  }),
  endpoint('post', '/api/jobs/{id}/cancel', (context) => async (request, response) => {
    const prompt = promptOf(context, request, ownerOf(response));
    const isOpen = prompt.end === undefined;
    if (isOpen) await cancelAll(context, [prompt]);
    response.json({ cancelled: isOpen });
  }),
];

/** @throws AppError `JOB_NOT_FOUND` */
function promptOf({ native }: NativeContext, { params }: Request, owner: string | undefined): NativePrompt {
  const prompt = native.shelf.withId(String(params['id']), owner);
  if (prompt) return prompt;
  throw new AppError('JOB_NOT_FOUND', 'Job not found');
}

function jobJson(prompt: NativePrompt): ReadonlyMap<string, Json> {
  const { id, number, createdTime } = prompt.record;
  return new Map<string, Json>([
    ['id', id],
    ['status', statusOf(prompt)],
    ['priority', number],
    // A whole number, as in ComfyUI: typed clients may refuse any other.
    ['create_time', Math.floor(createdTime)],
    ['outputs_count', countOutputs(prompt)],
  ]);
}

function statusOf({ end, hasStarted }: NativePrompt): Status {
  if (end === undefined) return hasStarted ? 'in_progress' : 'pending';
  if (end === 'success') return 'completed';
  return end === 'interrupted' ? 'cancelled' : 'failed';
}

function countOutputs({ outputs }: NativePrompt): number {
  let count = 0;
  for (const output of outputs.values()) {
    for (const items of isJsonObject(output) ? output.values() : [])
      if (Array.isArray(items)) count += items.length;
  }
  return count;
}

/** @throws AppError `INVALID_PARAMETER` for an unknown status */
function statusesOf({ query }: Request): ReadonlySet<Status> {
  const { status } = query;
  if (typeof status !== 'string' || status === '') return new Set(STATUSES);
  const names = status.split(',').map((name) => name.trim().toLowerCase());
  const known = STATUSES.filter((one) => names.includes(one));
  if (known.length === new Set(names).size) return new Set(known);
  throw new AppError('INVALID_PARAMETER', `status must be one of ${STATUSES.join(', ')}.`);
}

function numberOf({ query }: Request, name: string, usual: number): number {
  const value = query[name];
  if (value === undefined) return usual;
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value);
  throw new AppError('INVALID_PARAMETER', `${name} must be a whole number.`);
}
