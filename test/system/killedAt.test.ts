import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asyncAnswer } from '../../src/schemas/jobs.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';
import { RedisServer, requireRedis } from '../support/RedisServer.js';
import { leftInRedis } from '../support/redisLeft.js';
import { Stack } from '../support/stack.js';

const KILL_AT = new URL('../support/killAt.mjs', import.meta.url);

/** Steps of a job, as in `killAt.mjs`. */
const STEPS = [
  'before it has a record',
  'recorded, not queued',
  'queued, not told',
  'taken',
  'slot leased',
  'begun',
  'prompt announced',
  'submitted',
  'running',
  'finished on the machine',
  'fetched',
  'stored',
  'recorded',
  'announced',
  'settled',
] as const;

type Step = (typeof STEPS)[number];

/** A hold of 15 s, two checks by BullMQ, and a reserve for a busy computer, ms. */
const TAKEN_OVER_MS = 90_000;

/** Maximum number of processes that start at once: more would only slow each other down. */
const startLimit = pLimit(3);

/** The result of a job whose server was killed. */
interface Outcome {
  readonly status: string;
  readonly hasOwnPicture: boolean;
  readonly executions: number;
  /** Number of jobs in the records. */
  readonly jobs: number;
  /** Remaining slots and queue entries. */
  readonly left: readonly string[];
}

/** A server that dies at a step, and another one that continues. */
class Case {
  readonly #redis: RedisServer;
  readonly #step: Step;
  readonly #prefix = `test-${randomUUID()}`;
  readonly #colour: number;

  constructor(redis: RedisServer, step: Step) {
    this.#redis = redis;
    this.#step = step;
    this.#colour = STEPS.indexOf(step);
  }

  async outcome(): Promise<Outcome> {
    const simulator = await startSimulator();
    simulator.setWork(100);
    const env = {
      COMFYUI_HOST: simulator.host,
      QUEUE: 'redis',
      REDIS_URL: this.#redis.url,
      REDIS_PREFIX: this.#prefix,
      ASSET_STORE: 'disk',
      ASSET_DIR: await mkdtemp(path.join(tmpdir(), 'assets-')),
    };
    const setting = { patch: KILL_AT.href };
    const dying = await startLimit(() => ServerProcess.start({ ...env, KILL_AT: this.#step }, setting));
    let other: Stack | undefined;
    try {
      const told = await this.#submit(new Client(dying.baseUrl)).catch(() => undefined);
      expect(await dying.ended()).toBe('SIGKILL');
      other = await Stack.start({ simulators: [], env });
      const id = await this.#submit(other.client);
      expect(id).toBe(told ?? id);
      return await this.#look(other, simulator, id);
    } finally {
      await dying.kill();
      await other?.stop();
      await simulator.stop();
    }
  }

  /** Retries like a client: always with the same idempotency key. */
  async #submit(client: Client): Promise<string> {
    const picture = await png({ colour: colourOf(this.#colour) });
    const headers = { 'Idempotency-Key': this.#step };
    const response = await client.post('/api/async/upscale-image', picture, { headers });
    return asyncAnswer.parse(await response.json()).job_id;
  }

  async #look({ client }: Stack, simulator: Simulator, id: string): Promise<Outcome> {
    await eventually(async () => expect((await client.status(id)).status).toBe('completed'), TAKEN_OVER_MS);
    const picture = await middle(await client.resultImage(id));
    const list = (await (await client.request('/api/jobs/list')).json()) as { total: number };
    return {
      status: (await client.status(id)).status,
      hasOwnPicture: distance(picture, colourOf(this.#colour)) < 8,
      executions: simulator.executions.length,
      jobs: list.total,
      left: await leftInRedis(this.#redis, this.#prefix),
    };
  }
}

describe.runIf(requireRedis())('a job whose server is killed', () => {
  let redis: RedisServer;
  const outcomes = new Map<Step, Promise<Outcome>>();
  beforeAll(async () => {
    redis = await RedisServer.start();
    // All at the same time: each case mostly waits for holds to expire.
    for (const step of STEPS) {
      const outcome = new Case(redis, step).outcome();
      outcome.catch(() => undefined);
      outcomes.set(step, outcome);
    }
  });
  afterAll(async () => {
    await Promise.allSettled(outcomes.values());
    await redis.stop();
  });

  it.each(STEPS)(
    '%s: is completed once',
    async (step) => {
      expect(await outcomes.get(step)).toEqual({
        status: 'completed',
        hasOwnPicture: true,
        executions: 1,
        jobs: 1,
        left: [],
      });
    },
    240_000,
  );
});
