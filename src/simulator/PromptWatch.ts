import { keepNewest } from '../utils/keepNewest.js';
import { type FilePlace, keyOf } from './folders.js';
import type { Call } from './http.js';
import { parseMultipart } from './multipart.js';
import { descriptionOf, type Moment, type Prompt, readSubmission } from './prompt.js';
import type { Traps } from './Traps.js';

/** Maximum number of output files whose prompt is remembered; the oldest are removed first. */
const MAX_ORIGINS = 10_000;

/** Notifies the traps when a prompt reaches a moment, and describes the prompt. */
export class PromptWatch {
  readonly #traps: Traps;
  /** Descriptions of prompts by the place of their output files. */
  readonly #origins = new Map<string, string>();

  constructor(traps: Traps) {
    this.#traps = traps;
  }

  onMoment(moment: Moment, prompt: Prompt): void {
    if (this.#traps.waiting) void this.#traps.onMoment(moment, descriptionOf(prompt));
  }

  /** Records a prompt's output file. A cached result may name a file of another prompt. */
  onOutput(place: FilePlace, prompt: Prompt): void {
    keepNewest(this.#origins, keyOf(place), descriptionOf(prompt), MAX_ORIGINS);
  }

  /** Notifies the traps of requests that are a moment: an upload, a submission, or the download of a result. */
  async onCall({ method, path, query, headers, body }: Call): Promise<void> {
    if (!this.#traps.waiting) return;
    if (method === 'POST' && path === '/upload/image') {
      const names = parseMultipart(headers['content-type'], body)?.flatMap(({ filename }) => filename ?? []);
      await this.#traps.onMoment('upload', names?.join(' ') ?? '');
    } else if (method === 'POST' && path === '/prompt') {
      const { promptId: id = '', prompt: graph } = readSubmission(body) ?? {};
      if (graph) await this.#traps.onMoment('submit', descriptionOf({ id, graph }));
    } else if (path === '/view') {
      const [filename, subfolder] = ['filename', 'subfolder'].map((name) => query.get(name) ?? '');
      const origin = this.#origins.get(`${query.get('type') ?? 'output'}/${subfolder}/${filename}`);
      await this.#traps.onMoment('view', `${subfolder}/${filename} ${origin ?? ''}`);
    }
  }
}
