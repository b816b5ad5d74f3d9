import { keepNewest } from '../utils/keepNewest.js';
import { type FilePlace, keyOf } from './folders.js';
import type { Call } from './http.js';
import { parseMultipart } from './multipart.js';
import { descriptionOf, type Moment, type Prompt, readSubmission } from './prompt.js';
import type { Traps } from './Traps.js';

/** Files of which it is known whose output they are; the oldest go first. */
const MAX_ORIGINS = 10_000;

/** Tells traps of the moments that prompts come to, and which prompts these are. */
export class PromptWatch {
  readonly #traps: Traps;
  /** What is known of the prompts whose outputs are in files, by the place of the file. */
  readonly #origins = new Map<string, string>();

  constructor(traps: Traps) {
    this.#traps = traps;
  }

  onMoment(moment: Moment, prompt: Prompt): void {
    if (this.#traps.waiting) void this.#traps.onMoment(moment, descriptionOf(prompt));
  }

  /** A file is named as the output of a prompt, which may be a cached one of another. */
  onOutput(place: FilePlace, prompt: Prompt): void {
    keepNewest(this.#origins, keyOf(place), descriptionOf(prompt), MAX_ORIGINS);
  }

  /** The moments that a request is: a picture or a prompt that comes, and a result that is fetched. */
  async onCall({ method, path, query, contentType, body }: Call): Promise<void> {
    if (!this.#traps.waiting) return;
    if (method === 'POST' && path === '/upload/image') {
      const names = parseMultipart(contentType, body)?.flatMap(({ filename }) => filename ?? []);
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
