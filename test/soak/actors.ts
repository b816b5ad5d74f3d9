import { asyncAnswer, syncAnswer } from '../../src/schemas/jobs.js';
import { sleep } from '../../src/utils/timers.js';
import type { Client, JobStatusBody } from '../support/client.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import type { Random } from '../support/random.js';
import type { Ledger } from './Ledger.js';

const TYPES = ['remove-background', 'upscale-image', 'upscale-remove-bg'] as const;
const FORMATS = ['PNG', 'JPEG', 'WEBP'] as const;
const COLOURS = 216;
/** Lossy formats change colours slightly; the next colour differs by 32. */
const TOLERANCE = 15;
const POLL_MS = 25;
const PAUSE_AFTER_REFUSAL_MS = 100;

/** A client that does one random thing after the other and records the results. */
export class Actor {
  readonly #client: Client;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #name: string;
  #count = 0;

  constructor(name: string, parts: { client: Client; random: Random; ledger: Ledger }) {
    this.#name = name;
    this.#client = parts.client;
    this.#random = parts.random;
    this.#ledger = parts.ledger;
  }

  /** Runs one job, from submission to end. */
  async act(): Promise<void> {
    const kind = this.#random.next();
    if (kind < 0.45) await this.#submitAndFetch();
    else if (kind < 0.75) await this.#waitForAnswer();
    else if (kind < 0.85) await this.#submitAndCancel();
    else if (kind < 0.95) await this.#hangUp();
    else await this.#sendRubbish();
  }

  async #submitAndFetch(): Promise<void> {
    const job = await this.#submit();
    if (job) await this.#checkEnd(await this.#finished(job.id), job.colour);
  }

  async #submitAndCancel(): Promise<void> {
    const job = await this.#submit();
    if (!job) return;
    await sleep(this.#random.int(0, 300));
    const answer = await this.#client.request(`/api/jobs/${job.id}/cancel`, { method: 'POST' });
    await answer.arrayBuffer();
    if (![200, 409].includes(answer.status)) this.#ledger.wrong(`cancelling answered ${answer.status}`);
    const end = await this.#finished(job.id);
    if (answer.status === 200 && end.status !== 'cancelled') {
      this.#ledger.wrong(`${job.id} was cancelled and is ${end.status}`);
    }
    await this.#checkEnd(end, job.colour);
  }

  async #waitForAnswer(): Promise<void> {
    const { requestId, colour, send } = await this.#request('');
    const response = await send();
    const body: unknown = await response.json();
    if (response.status === 200) {
      const { job_id, result } = syncAnswer.parse(body);
      await this.#checkPicture(
        job_id,
        Buffer.from(result.image_base64.split(',')[1] ?? '', 'base64'),
        colour,
      );
      this.#ledger.sawEnd(job_id, 'completed');
      return;
    }
    const { job_id, code } = body as { job_id?: string; code: string };
    if (job_id !== undefined) this.#ledger.sawEnd(job_id, 'failed');
    else await this.#refused(requestId, response.status, code);
  }

  async #hangUp(): Promise<void> {
    const { requestId, send } = await this.#request('');
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), this.#random.int(1, 400));
    try {
      const response = await send(controller.signal);
      const { job_id, code } = (await response.json()) as { job_id?: string; code?: string };
      // The job ended before the client closed the connection.
      if (job_id === undefined) this.#ledger.sawRefusal(requestId, `${code}`);
    } catch {
      this.#ledger.sawHangUp(requestId);
    } finally {
      clearTimeout(timer);
    }
  }

  async #sendRubbish(): Promise<void> {
    const requestId = this.#nextId();
    const whole = await png();
    const broken = this.#random.pick([
      whole.subarray(0, whole.length / 2),
      Buffer.from('no image'),
      Buffer.alloc(0),
    ]);
    this.#ledger.sent(requestId);
    const headers = { 'X-Request-ID': requestId };
    const response = await this.#client.post(`/api/${this.#random.pick(TYPES)}`, broken, { headers });
    const { code } = (await response.json()) as { code: string };
    await this.#refused(requestId, response.status, code);
    const isExpected = [400, 415, 503].includes(response.status);
    if (!isExpected) this.#ledger.wrong(`rubbish was answered with ${response.status} ${code}`);
  }

  async #submit(): Promise<{ id: string; colour: number } | undefined> {
    const { requestId, colour, send } = await this.#request('/async');
    const response = await send();
    const body: unknown = await response.json();
    if (response.status === 202) return { id: asyncAnswer.parse(body).job_id, colour };
    await this.#refused(requestId, response.status, (body as { code: string }).code);
    return undefined;
  }

  async #request(prefix: string) {
    const requestId = this.#nextId();
    const colour = this.#random.int(0, COLOURS - 1);
    const picture = await png({ colour: colourOf(colour) });
    const path = `/api${prefix}/${this.#random.pick(TYPES)}`;
    const fields = { format: this.#random.pick(FORMATS) };
    this.#ledger.sent(requestId);
    const send = (signal?: AbortSignal) =>
      this.#client.post(path, picture, {
        fields,
        headers: { 'X-Request-ID': requestId },
        ...(signal ? { signal } : {}),
      });
    return { requestId, colour, send };
  }

  async #refused(requestId: string, status: number, code: string): Promise<void> {
    this.#ledger.sawRefusal(requestId, code);
    if (status >= 500 && status !== 503)
      this.#ledger.wrong(`a submission was answered with ${status} ${code}`);
    await sleep(PAUSE_AFTER_REFUSAL_MS);
  }

  async #finished(id: string): Promise<JobStatusBody> {
    for (;;) {
      const status = await this.#client.status(id);
      if (['completed', 'failed', 'cancelled'].includes(status.status)) return status;
      await sleep(POLL_MS);
    }
  }

  async #checkEnd(end: JobStatusBody, colour: number): Promise<void> {
    this.#ledger.sawEnd(end.job_id, end.status);
    if (end.status !== 'completed') return;
    await this.#checkPicture(end.job_id, await this.#client.resultImage(end.job_id), colour);
  }

  async #checkPicture(id: string, image: Buffer, colour: number): Promise<void> {
    const off = distance(await middle(image), colourOf(colour));
    if (off > TOLERANCE) this.#ledger.wrong(`${id} has another picture: ${off} off`);
  }

  #nextId(): string {
    this.#count += 1;
    return `${this.#name}-${this.#count}`;
  }
}
