import { asyncAnswer, jobStatusAnswer } from '../../src/schemas/jobs.js';
import { sleep } from '../../src/utils/timers.js';
import type { Client } from '../support/client.js';
import type { Random } from '../support/random.js';
import { isOf, twoColours } from './twoColours.js';

const TYPES = ['remove-background', 'upscale-image', 'upscale-remove-bg'] as const;
/** Poll interval of a job, and retry interval for an unreachable server, ms. */
const POLL_MS = 800;
const AGAIN_MS = 200;
/** Timeout of a request before the client retries it, ms. */
const REQUEST_TIMEOUT_MS = 20_000;
/** Longer than all holds and checks for lost jobs together, ms. */
const JOB_TIMEOUT_MS = 300_000;

/** The end of a job, as its client saw it. */
export interface ChaosEnd {
  readonly id: string;
  readonly status: 'completed' | 'failed';
  /** Category of a failed job. */
  readonly category: string | undefined;
  /** Repeated requests, by result. */
  readonly retries: Readonly<Record<string, number>>;
}

/** A client that retries whatever is safe to retry, with any server that it can reach. */
class PatientClient {
  readonly retries: Record<string, number> = {};
  readonly #clients: readonly Client[];
  readonly #random: Random;

  constructor(clients: readonly Client[], random: Random) {
    this.#clients = clients;
    this.#random = random;
  }

  /**
   * @returns the response of a server, unless it is a 503
   * @throws Error for a 503 without a `Retry-After` header
   */
  async ask<T>(
    request: (client: Client, signal: AbortSignal) => Promise<Response>,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const client = this.#random.pick(this.#clients);
      const answer = await this.#once(() => request(client, AbortSignal.timeout(REQUEST_TIMEOUT_MS)), read);
      if (answer) return answer.value;
      await sleep(AGAIN_MS);
    }
  }

  async #once<T>(
    request: () => Promise<Response>,
    read: (response: Response) => Promise<T>,
  ): Promise<{ value: T } | undefined> {
    let response: Response;
    let body: Response;
    try {
      response = await request();
      body = new Response(await response.arrayBuffer(), response);
    } catch {
      this.#count('no answer');
      return undefined;
    }
    if (response.status !== 503) return { value: await read(body) };
    if (response.headers.get('retry-after') === null) {
      throw new Error(`503 without Retry-After: ${await body.text()}`);
    }
    this.#count('503');
    return undefined;
  }

  #count(what: string): void {
    this.retries[what] = (this.retries[what] ?? 0) + 1;
  }
}

/**
 * Runs one job with an idempotency key from submission to end, and compares its result with its image.
 * @throws Error for everything that must not happen
 */
export async function chaosJob(
  n: number,
  clients: readonly Client[],
  random: Random,
  key: string,
): Promise<ChaosEnd> {
  const patient = new PatientClient(clients, random);
  const picture = await twoColours(n);
  const type = random.pick(TYPES);
  const id = await patient.ask(
    (client, signal) =>
      client.post(`/api/async/${type}`, picture, { headers: { 'Idempotency-Key': key }, signal }),
    async (response) => {
      if (response.status !== 202) throw new Error(`submission: ${await tell(response)}`);
      return asyncAnswer.parse(await response.json()).job_id;
    },
  );
  const status = await ended(patient, id);
  if (status.status !== 'completed') {
    return { id, status: 'failed', category: categoryOf(status), retries: patient.retries };
  }
  const image = await patient.ask(
    (client, signal) => client.request(`/api/jobs/${id}/result/image`, { signal }),
    async (response) => {
      if (response.status !== 200) throw new Error(`${id}: result ${await tell(response)}`);
      return Buffer.from(await response.arrayBuffer());
    },
  );
  if (!(await isOf(image, n))) throw new Error(`${id} has another picture`);
  return { id, status: 'completed', category: undefined, retries: patient.retries };
}

async function ended(patient: PatientClient, id: string) {
  const deadline = performance.now() + JOB_TIMEOUT_MS;
  for (;;) {
    const status = await patient.ask(
      (client, signal) => client.request(`/api/jobs/${id}/status`, { signal }),
      async (response) => {
        if (response.status !== 200) throw new Error(`${id}: status ${await tell(response)}`);
        return jobStatusAnswer.parse(await response.json());
      },
    );
    if (status.status === 'completed' || status.status === 'failed') return status;
    if (status.status === 'cancelled') throw new Error(`${id} is cancelled, by nobody`);
    if (performance.now() > deadline) throw new Error(`${id} did not end: ${JSON.stringify(status)}`);
    await sleep(POLL_MS);
  }
}

async function tell(response: Response): Promise<string> {
  return `${response.status} ${(await response.text()).slice(0, 300)}`;
}

function categoryOf({ error_code, error_details }: { error_code?: string; error_details?: unknown }): string {
  const details = typeof error_details === 'object' && error_details !== null ? error_details : {};
  return 'category' in details ? String(details.category) : String(error_code);
}
