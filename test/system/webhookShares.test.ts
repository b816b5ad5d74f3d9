import { afterEach, describe, expect, it } from 'vitest';
import { jobRecord } from '../../src/schemas/jobs.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';
import { WEBHOOK_SECRET, WebhookReceiver } from '../support/WebhookReceiver.js';

const MAX_DELIVERIES = 12;
const KEYS = {
  greedy: 'greedy-greedy-greedy',
  modest: 'modest-modest-modest',
  other: 'other-other-other-other',
};
const API_KEYS = Object.entries(KEYS).map((pair) => pair.join(':'));

let stack: Stack;
const receivers = new HttpServers();

async function start(maxDeliveries = MAX_DELIVERIES): Promise<void> {
  stack = await Stack.start({
    env: {
      WEBHOOK_SECRET,
      WEBHOOK_ALLOWED_HOSTS: '127.0.0.1',
      API_KEYS: API_KEYS.join(),
      MAX_JOBS_PER_INSTANCE: '8',
      MAX_CONCURRENT_JOBS: '8',
    },
    overrides: {
      webhooks: {
        timeoutMs: 60_000,
        baseDelayMs: 60_000,
        maxDelayMs: 60_000,
        giveUpAfterMs: 600_000,
        maxDeliveries,
      },
    },
  });
}

afterEach(async () => {
  // Closes hanging connections, so that the server need not wait for them.
  receivers.close();
  await stack.stop();
});

/** One of the clients, by its API key. */
class Submitter {
  readonly #client: Client;

  constructor(name: keyof typeof KEYS) {
    this.#client = new Client(stack.client.baseUrl, { 'X-API-Key': KEYS[name] });
  }

  /** Submits jobs with `webhook_url` and waits for their ends. */
  async jobs(count: number, webhook_url: string): Promise<string[]> {
    const image = await png();
    const submissions = Array.from({ length: count }, () =>
      this.#client.submit('remove-background', image, { webhook_url }),
    );
    const ids = await Promise.all(submissions);
    await Promise.all(ids.map((id) => this.#client.finished(id)));
    return ids;
  }

  async webhook(id: string) {
    return (await this.#client.json(`/api/jobs/${id}/info`, jobRecord)).webhook;
  }

  /** The webhooks without any attempt that were not given up. */
  async untried(ids: readonly string[]): Promise<Awaited<ReturnType<Submitter['webhook']>>[]> {
    return (await this.those(ids, 'delivering')).filter((webhook) => webhook?.attempts.length === 0);
  }

  /** The webhooks in this state. */
  async those(ids: readonly string[], state: string): Promise<Awaited<ReturnType<Submitter['webhook']>>[]> {
    const all = await Promise.all(ids.map((id) => this.webhook(id)));
    return all.filter((webhook) => webhook?.state === state);
  }
}

/** A URL on which nothing listens. */
async function deadUrl(): Promise<string> {
  const closed = new HttpServers();
  const url = await closed.listen(() => undefined);
  closed.close();
  return url;
}

describe('a client that fills all places with deliveries that fail', () => {
  it('loses its own, oldest first, and never those of others', async () => {
    await start();
    const [greedy, modest, other] = [
      new Submitter('greedy'),
      new Submitter('modest'),
      new Submitter('other'),
    ];
    const dead = await deadUrl();
    const [early = ''] = await other.jobs(1, dead);
    const ids: string[] = [];
    for (let batch = 0; batch < 3; batch += 1) {
      ids.push(...(await greedy.jobs(MAX_DELIVERIES / 2, dead)));
      await eventually(async () => expect(await greedy.untried(ids)).toEqual([]));
    }

    const tooMany = ids.length + 1 - MAX_DELIVERIES;
    await eventually(async () => expect(await greedy.those(ids, 'given_up')).toHaveLength(tooMany));
    for (const webhook of await greedy.those(ids, 'given_up')) expect(webhook?.reason).toMatch(/too many/);
    // The newest ones were attempted.
    expect(await greedy.those(ids.slice(-6), 'delivering')).toHaveLength(6);

    const receiver = await WebhookReceiver.start(receivers);
    const told = await modest.jobs(5, receiver.url);
    await eventually(async () => expect(await modest.those(told, 'delivered')).toHaveLength(5));
    expect((await other.webhook(early))?.state).toBe('delivering');
    // Delivered messages make room again: five that came at once use at most five places.
    expect((await greedy.those(ids, 'given_up')).length).toBeLessThanOrEqual(tooMany + 5);

    // Its own working receiver is not blocked either.
    const own = await greedy.jobs(2, receiver.url);
    await eventually(async () => expect(await greedy.those(own, 'delivered')).toHaveLength(2));
  });
});

describe('receivers that never answer', () => {
  const hang = () => WebhookReceiver.start(receivers, () => undefined);

  it('hold up four attempts each, and nobody who is told elsewhere', async () => {
    await start();
    const [greedy, modest] = [new Submitter('greedy'), new Submitter('modest')];
    const slow = await hang();
    await greedy.jobs(20, slow.url);
    await eventually(() => expect(slow.messages).toHaveLength(4));
    const receiver = await WebhookReceiver.start(receivers);
    const [own = ''] = await greedy.jobs(1, receiver.url);
    const [others = ''] = await modest.jobs(1, receiver.url);
    await eventually(async () => {
      expect((await greedy.webhook(own))?.state).toBe('delivered');
      expect((await modest.webhook(others))?.state).toBe('delivered');
    });
    expect(slow.messages).toHaveLength(4);
  });

  it('hold up no other client, however many of them there are', async () => {
    await start(100);
    const [greedy, modest] = [new Submitter('greedy'), new Submitter('modest')];
    const slow = await Promise.all(Array.from({ length: 5 }, hang));
    for (const { url } of slow) await greedy.jobs(4, url);
    const underWay = () => slow.reduce((sum, { messages }) => sum + messages.length, 0);
    await eventually(() => expect(underWay()).toBe(16));
    const receiver = await WebhookReceiver.start(receivers);
    const told = await modest.jobs(3, receiver.url);
    await eventually(async () => expect(await modest.those(told, 'delivered')).toHaveLength(3));
    expect(underWay()).toBe(16);
  });
});
