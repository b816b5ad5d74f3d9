import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { basename } from 'node:path';
import { v4 as uuid } from 'uuid';
import { jsonIfValid } from '../utils/jsonIfValid.js';
import type { Answer } from './answers.js';
import type { Executor } from './Executor.js';
import type { Faults } from './faults.js';
import { fileAnswer } from './fileAnswer.js';
import { annotatedName, FOLDER_TYPES, type Folders, leadsOut } from './folders.js';
import { imageView, viewedImage } from './imageViews.js';
import { jobAnswer } from './jobs.js';
import { objectInfo } from './objectInfo.js';
import type { ModelFolders } from './options.js';
import { type Prompt, readSubmission } from './prompt.js';
import { systemStats } from './systemStats.js';
import { saveUpload } from './uploads.js';
import { noPrompt, validatePrompt } from './validatePrompt.js';

/** ComfyUI's default limit for a request body. */
export const MAX_UPLOAD_BYTES = 100 * 1024 * 1024;

export interface Call {
  readonly method: string;
  /** Without a leading `/api`, except for jobs, which are only there. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface HttpWorld {
  executor(): Executor;
  readonly folders: Folders;
  readonly faults: Faults;
  /** Whether it takes no prompt ids from clients, and has no job routes. */
  readonly isOlder: boolean;
  /** Model files by folder. */
  readonly models: ModelFolders;
  /** Command-line arguments of `python main.py`. */
  readonly arguments: readonly string[];
  /** The server's feature flags. */
  features(): Record<string, unknown>;
  nextNumber(): number;
  onPrompt(id: string): void;
}

const ok: Answer = { status: 200 };

/** ComfyUI's routes, each also under `/api`. */
export class SimulatedApi {
  readonly #world: HttpWorld;

  constructor(world: HttpWorld) {
    this.#world = world;
  }

  /** Handles one request. */
  answer(call: Call): Answer | Promise<Answer> {
    const { method, path } = call;
    const [jobPath, job = ''] = /^\/api\/jobs(\/.*)?$/.exec(path) ?? [];
    if (jobPath !== undefined && !this.#world.isOlder) {
      return jobAnswer(this.#world.executor(), { ...call, rest: decoded(job) });
    }
    const [, first = '', rest] = /^\/([^/]*)(?:\/(.+))?$/.exec(path) ?? [];
    switch (`${method} /${first}`) {
      case 'GET /system_stats':
        return { status: 200, json: systemStats(this.#world.arguments) };
      case 'GET /features':
        return { status: 200, json: this.#world.features() };
      case 'GET /models':
        return this.#models(rest);
      case 'GET /object_info':
        return { status: 200, json: this.#objectInfo(rest === undefined ? undefined : decoded(rest)) };
      case 'GET /prompt':
        return {
          status: 200,
          json: { exec_info: { queue_remaining: this.#world.executor().queueRemaining } },
        };
      case 'POST /prompt':
        return this.#submit(call.body);
      case 'GET /history':
        return { status: 200, json: this.#history(rest, call.query) };
      case 'GET /queue':
        return { status: 200, json: this.#world.executor().queue() };
      case 'GET /view':
      case 'HEAD /view':
        return this.#view(call);
      case 'POST /upload':
        if (rest !== 'image') return { status: 404 };
        return saveUpload(this.#world.folders, call.headers['content-type'], call.body, SERVER_ERROR);
      case 'POST /history':
      case 'POST /queue':
      case 'POST /interrupt':
      case 'POST /free':
        return this.#command(first, call.body);
      default:
        return { status: 404 };
    }
  }

  #objectInfo(name: string | undefined): unknown {
    const { classes } = this.#world.executor();
    const chosen = Object.entries(classes).filter(([key]) => name === undefined || key === name);
    return Object.fromEntries(chosen.map(([key, node]) => [key, objectInfo(key, node, this.#world.folders)]));
  }

  #submit(body: Buffer): Answer {
    const submission = readSubmission(body);
    if (!submission) return SERVER_ERROR;
    const { prompt, promptId, clientId, extraData, targets } = submission;
    if (prompt === undefined) return { status: 400, json: noPrompt };
    const { isOlder } = this.#world;
    const { classes } = this.#world.executor();
    const validated = validatePrompt(prompt, classes, this.#world.folders, targets);
    if ('refusal' in validated) return { status: 400, json: validated.refusal };
    const { graph, outputs, node_errors } = validated;
    const id = (isOlder ? undefined : promptId) ?? uuid();
    const number = this.#world.nextNumber();
    this.#world.onPrompt(id);
    const createTime = isOlder ? undefined : Date.now();
    const accepted: Prompt = { number, id, graph, clientId, extraData, createTime, outputs };
    this.#world.executor().enqueue(accepted);
    return { status: 200, json: { prompt_id: id, number, node_errors } };
  }

  #models(folder: string | undefined): Answer {
    const { models } = this.#world;
    if (folder === undefined) return { status: 200, json: Object.keys(models) };
    const names = new Map(Object.entries(models)).get(folder);
    return names ? { status: 200, json: names } : { status: 404 };
  }

  #history(id: string | undefined, query: URLSearchParams): unknown {
    const { history } = this.#world.executor();
    if (id !== undefined) return history.has(id) ? { [id]: history.get(id) } : {};
    const max = Number(query.get('max_items') ?? Number.POSITIVE_INFINITY);
    return Object.fromEntries([...history].slice(-max));
  }

  #command(name: string, body: Buffer): Answer {
    const executor = this.#world.executor();
    const json = readCommand(name, body);
    if (json === undefined) return SERVER_ERROR;
    const ids = Array.isArray(json['delete']) ? json['delete'].map(String) : [];
    // For the scalar values that clients send, what is true is the same in Python and here.
    if (name === 'interrupt') {
      executor.interrupt(json['prompt_id'] ? json['prompt_id'] : undefined);
    } else if (name === 'queue') {
      if (json['clear']) executor.clearPending();
      if (ids.length > 0) executor.deletePending(ids);
    } else if (name === 'history') {
      if (json['clear']) executor.history.clear();
      for (const id of ids) executor.history.delete(id);
    } else if (name === 'free' && json['free_memory']) {
      this.#world.faults.memoryFull = false;
    }
    return ok;
  }

  #view({ query, headers }: Call): Answer | Promise<Answer> {
    const { path: filename, type: named } = annotatedName(query.get('filename') ?? '');
    const subfolder = query.get('subfolder') ?? '';
    const type = named ?? FOLDER_TYPES.find((one) => one === (query.get('type') ?? 'output'));
    if (filename === '') return { status: 404 };
    // Two dots anywhere in the name, but only a subfolder that really leads out.
    if (!type || filename.startsWith('/') || filename.includes('..')) return { status: 400 };
    if (leadsOut(subfolder)) return { status: 403 };
    const { faults, folders } = this.#world;
    const place = { type, subfolder, filename };
    if (faults.loseFiles > 0) {
      faults.loseFiles -= 1;
      folders.remove(place);
    }
    const bytes = folders.read(place);
    const modifiedAt = folders.modifiedAt(place);
    if (!bytes || modifiedAt === undefined) return { status: 404 };
    const name = basename(filename);
    const view = imageView(query);
    if (view) return viewedImage(bytes, name, view).catch(() => SERVER_ERROR);
    return fileAnswer({ name, bytes, modifiedAt }, headers);
  }
}

const SERVER_ERROR: Answer = {
  status: 500,
  text: '500 Internal Server Error\n\nServer got itself in trouble',
};

/** Reads the body of a command; undefined if it is not JSON. Such a body of `/interrupt` counts as empty. */
function readCommand(name: string, body: Buffer): Record<string, unknown> | undefined {
  const json = body.length > 0 ? jsonIfValid(body.toString()) : {};
  return (json ?? (name === 'interrupt' ? {} : undefined)) as Record<string, unknown> | undefined;
}

/** Decodes a part of a path. Invalid encoding is left as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Decodes what need not be encoded, as aiohttp does before it looks for a route. */
function withoutEncoding(path: string): string {
  return path.replace(/%[2-7][0-9a-f]/gi, (code) => (/[\w.~-]/.test(decoded(code)) ? decoded(code) : code));
}

/**
 * Reads a whole request. If the body is larger than `maxBytes`, reads and discards it and returns undefined.
 * @throws Error if either side closes the connection
 */
export async function readCall(
  request: IncomingMessage,
  maxBytes = MAX_UPLOAD_BYTES,
  cut?: Faults['cut'],
): Promise<Call | undefined> {
  const url = new URL(`http://localhost${request.url ?? '/'}`);
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (cut && cut.times > 0 && bytes > cut.afterBytes) {
      cut.times -= 1;
      request.socket.resetAndDestroy();
    }
    if (bytes <= maxBytes) parts.push(part);
  }
  if (bytes > maxBytes) return undefined;
  return {
    method: request.method ?? 'GET',
    path: withoutEncoding(url.pathname).replace(/^\/api(?=\/(?!jobs(\/|$)))/, ''),
    query: url.searchParams,
    headers: request.headers,
    body: Buffer.concat(parts),
  };
}
