/** The limits of the queue hold, however many requests arrive at the same moment. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { QueueEntry, QueueSize } from '../../src/services/queue/JobQueue.js';
import { MemoryJobQueue } from '../../src/services/queue/memory/MemoryJobQueue.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { RedisSite } from '../support/RedisSite.js';
import { RawClient } from '../support/rawClient.js';
import { Stack } from '../support/stack.js';

/** Of a PNG: the end of its checksum. */
const LAST_BYTE = 0x82;
const PATH = '/api/async/remove-background';
/** No machine: all jobs stay in the queue. */
const NO_MACHINE = '127.0.0.1:1';

const stops: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A queue whose answers to one method are late while a test holds them. */
class HeldQueue extends MemoryJobQueue {
  readonly #held: Array<() => void> = [];
  #method: 'add' | 'size' | undefined;
  /** Answers about its size so far. */
  sizes = 0;

  /** Number of answers that are held. */
  get waiting(): number {
    return this.#held.length;
  }

  /** Holds the answers to this method from now on; without it, no further ones. */
  hold(method?: 'add' | 'size'): void {
    this.#method = method;
  }

  letGo(): void {
    for (const go of this.#held.splice(0)) go();
  }

  override async add(entry: QueueEntry): Promise<number> {
    return this.#late('add', await super.add(entry));
  }

  override async size(): Promise<QueueSize> {
    this.sizes += 1;
    return this.#late('size', await super.size());
  }

  async #late<T>(method: 'add' | 'size', answer: T): Promise<T> {
    if (method === this.#method) await new Promise<void>((resolve) => this.#held.push(resolve));
    return answer;
  }
}

/** Sends a request without the last byte of its body. */
async function unfinished(stack: Stack, path: string, type: string, body: Buffer): Promise<RawClient> {
  const client = await RawClient.connect(stack.client.baseUrl);
  client.post(path, { 'Content-Type': type, 'Content-Length': body.length }, body.subarray(0, -1));
  return client;
}

/** The body of a job of a small graph with this title. */
function graphBody(title: string): string {
  const inputs = { width: 8, height: 8, batch_size: 1, color: 0 };
  const image = { class_type: 'EmptyImage', inputs, _meta: { title } };
  const save = { class_type: 'PreviewImage', inputs: { images: ['1', 0] } };
  return JSON.stringify({ workflow: { '1': image, '2': save } });
}

async function start(env: Record<string, string>): Promise<{ stack: Stack; queue: HeldQueue }> {
  const queue = new HeldQueue();
  const stack = await Stack.start({
    simulators: [],
    env: { COMFYUI_HOST: NO_MACHINE, ...env },
    overrides: { jobQueue: queue },
  });
  stops.push(() => stack.stop());
  return { stack, queue };
}

it('of a queue in Redis', async () => {
  const site = await RedisSite.open();
  stops.push(() => site.close());
  const stack = await site.start({ env: { COMFYUI_HOST: NO_MACHINE, MAX_QUEUE_SIZE: '5' } });
  const body = Buffer.from(graphBody('small'));
  const clients = await Promise.all(
    Array.from({ length: 40 }, () => unfinished(stack, '/api/v2/jobs', 'application/json', body)),
  );
  // All have passed the check before their body.
  await delay(200);
  for (const { socket } of clients) socket.write('}');
  const statuses = await Promise.all(clients.map((client) => client.status()));
  for (const { socket } of clients) socket.destroy();
  expect(statuses.filter((status) => status === 201)).toHaveLength(5);
  expect(statuses.filter((status) => status === 429)).toHaveLength(35);
  expect(await stack.services.manager.queue.size()).toMatchObject({ jobs: 5 });
});

it('also if its answer about its size is older than a job that has arrived since', async () => {
  const { stack, queue } = await start({ MAX_QUEUE_SIZE: '1' });
  const sizes = queue.sizes;
  const late = await unfinished(stack, PATH, 'image/png', await png());
  // The check before its upload.
  await eventually(() => expect(queue.sizes).toBeGreaterThan(sizes));
  queue.hold('size');
  late.socket.write(Buffer.of(LAST_BYTE));
  await eventually(() => expect(queue.waiting).toBe(1));
  queue.hold();
  expect((await stack.client.post(PATH, await png())).status).toBe(202);
  queue.letGo();
  expect(await late.status()).toBe(503);
  late.socket.destroy();
});

it('and a graph counts once while its job is being queued', async () => {
  const limit = 1_000_000;
  const { stack, queue } = await start({ MAX_QUEUE_MEMORY: String(limit), MAX_FILE_SIZE: String(limit) });
  const submit = (name: string) => {
    const body = graphBody(name.repeat(400_000));
    const headers = { 'Content-Type': 'application/json' };
    return stack.client.request('/api/v2/jobs', { method: 'POST', headers, body });
  };
  queue.hold('add');
  const first = submit('a');
  await eventually(() => expect(queue.waiting).toBe(1));
  const { graphBytes } = stack.services.admission;
  expect(2 * graphBytes).toBeLessThan(limit);
  expect(3 * graphBytes).toBeGreaterThan(limit);
  queue.hold();
  expect((await submit('b')).status).toBe(201);
  queue.letGo();
  expect((await first).status).toBe(201);
});
