import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config/index.js';
import { syncAnswer } from '../../src/schemas/jobs.js';
import { Client } from '../support/client.js';
import { ComfyApiClient, samplerGraph } from '../support/comfyApi.js';
import { eventually } from '../support/eventually.js';
import type { NativeSocket } from '../support/NativeClient.js';
import { NativeSite } from '../support/NativeSite.js';
import { png } from '../support/pictures.js';
import { readEvents } from '../support/serverSentEvents.js';

const SHOP = 'shop-key-0123456789';
const LAB = 'lab-key-01234567890';
const OPS = 'ops-key-01234567890';
const ALL = `shop:${SHOP},lab:${LAB},ops:admin:${OPS}`;

const site = new NativeSite();
afterEach(() => site.stop());

const start = (keys = ALL) => site.start({ env: { API_KEYS: keys, ALLOW_RAW_WORKFLOWS: 'all' } });
const replaceKeys = (keys: string) =>
  site.stack.services.keys.replace(loadConfig({ API_KEYS: keys }).access.keys);
const hang = (isOn: boolean) => {
  site.stack.simulator().faults.hang = isOn;
};
const headersOf = (key: string): Record<string, string> => (key === '' ? {} : { 'X-API-Key': key });
const clientOf = (key: string) => new Client(site.stack.client.baseUrl, headersOf(key));

/** Submits a job, which does not end while the machine hangs. */
const openJob = async (key: string) => clientOf(key).submit('upscale-image', await png());

/** An event stream that is being read. */
interface Stream {
  readonly events: string[];
  readonly isOver: () => boolean;
}

/** Opens an event stream. @returns it after its first event */
async function follow(key: string, path: string): Promise<Stream> {
  const events: string[] = [];
  let isOver = false;
  const response = await clientOf(key).request(path);
  expect(response.status).toBe(200);
  const read = async () => {
    for await (const { event } of readEvents(response)) events.push(event);
  };
  void read().then(
    () => {
      isOver = true;
    },
    // The server stops at the end of a test.
    () => undefined,
  );
  await eventually(() => expect(events.length).toBeGreaterThan(0));
  return { events, isOver: () => isOver };
}

const jobEvents = (key: string, id: string) => follow(key, `/api/jobs/${id}/events`);
const connect = (key: string, clientId: string) =>
  site.newClient(site.stack.nativeHost, key === '' ? undefined : key).connect(clientId);
/** @returns the close code and the reason */
async function closed({ ws }: NativeSocket): Promise<unknown[]> {
  const [code, reason] = await once(ws, 'close');
  return [code, String(reason)];
}
const REASON = [1008, 'The API key is no longer valid.'];

describe('when API keys are replaced', () => {
  it('a removed key loses its event streams and WebSockets at once, and no other key does', async () => {
    await start();
    const { keys } = site.stack.services;
    hang(true);
    const [shops, labs] = [await openJob(SHOP), await openJob(LAB)];
    const graph = await new ComfyApiClient(site.stack.client.baseUrl, SHOP).submit(samplerGraph());
    const lost = [await jobEvents(SHOP, shops), await follow(SHOP, `/api/v2/jobs/${graph.id}/events`)];
    const kept = [await jobEvents(LAB, labs), await jobEvents(OPS, shops), await follow(OPS, '/api/events')];
    // The ids of different keys are independent.
    const [socket, other] = [await connect(SHOP, 'same'), await connect(LAB, 'same')];
    expect(keys.watchers).toBe(7);

    const end = closed(socket);
    replaceKeys(`lab:${LAB},ops:admin:${OPS}`);
    expect(await end).toEqual(REASON);
    await eventually(() => expect(lost.map(({ isOver }) => isOver())).toEqual([true, true]));
    await clientOf(SHOP).error(`/api/jobs/${shops}/events`, 401);
    await expect(connect(SHOP, 'same')).rejects.toThrow('401');
    hang(false);
    await clientOf(OPS).finished(shops);
    await clientOf(LAB).finished(labs);
    await eventually(() => expect(kept.slice(0, 2).map(({ isOver }) => isOver())).toEqual([true, true]));
    for (const { events } of kept.slice(0, 2)) expect(events.at(-1)).toBe('completed');
    for (const { events } of lost) expect(events).not.toContain('completed');
    expect([kept[2]?.isOver(), other.ws.readyState]).toEqual([false, other.ws.OPEN]);
    await eventually(() => expect(keys.watchers).toBe(2));
  });

  it('a new secret under the same name does not keep the connections of the old one', async () => {
    await start();
    hang(true);
    const id = await openJob(SHOP);
    const [stream, socket] = [await jobEvents(SHOP, id), await connect(SHOP, 'c')];
    const end = closed(socket);
    const next = 'next-key-0123456789';
    replaceKeys(`shop:${next},ops:admin:${OPS}`);
    expect(await end).toEqual(REASON);
    await eventually(() => expect(stream.isOver()).toBe(true));
    const again = await jobEvents(next, id);
    hang(false);
    await eventually(() => expect(again.events.at(-1)).toBe('completed'));
  });

  it('a key that is no admin any more keeps only what it may still see', async () => {
    await start();
    hang(true);
    const [shops, own] = [await openJob(SHOP), await openJob(OPS)];
    const lost = [await follow(OPS, '/api/events'), await jobEvents(OPS, shops)];
    const [kept, socket] = [await jobEvents(OPS, own), await connect(OPS, 'c')];
    replaceKeys(`shop:${SHOP},ops:${OPS}`);
    await eventually(() => expect(lost.map(({ isOver }) => isOver())).toEqual([true, true]));
    expect([kept.isOver(), socket.ws.readyState]).toEqual([false, socket.ws.OPEN]);
    hang(false);
    await eventually(() => expect(kept.events.at(-1)).toBe('completed'));
  });

  it('a key with another name loses what belongs to the old name', async () => {
    await start();
    hang(true);
    const [stream, socket] = [await jobEvents(SHOP, await openJob(SHOP)), await connect(SHOP, 'c')];
    const end = closed(socket);
    replaceKeys(`store:${SHOP},ops:admin:${OPS}`);
    expect(await end).toEqual(REASON);
    await eventually(() => expect(stream.isOver()).toBe(true));
  });

  it('clients without a key lose their connections with the first key', async () => {
    await start('');
    hang(true);
    const streams = [await jobEvents('', await openJob('')), await follow('', '/api/events')];
    const end = closed(await connect('', 'c'));
    replaceKeys(ALL);
    expect(await end).toEqual(REASON);
    await eventually(() => expect(streams.map(({ isOver }) => isOver())).toEqual([true, true]));
  });

  it('a stream that is just being opened has no events', async () => {
    await start();
    hang(true);
    const id = await openJob(SHOP);
    const { manager, keys } = site.stack.services;
    const find = manager.get.bind(manager);
    const slow = vi.spyOn(manager, 'get').mockImplementationOnce((one) => {
      replaceKeys(`ops:admin:${OPS}`);
      return find(one);
    });
    const response = await clientOf(SHOP).request(`/api/jobs/${id}/events`);
    expect([slow.mock.calls.length > 0, await response.text()]).toEqual([
      true,
      expect.not.stringContaining('event:'),
    ]);
    await eventually(() => expect(keys.watchers).toBe(0));
  });

  it('a synchronous request of a removed key still gets its result', async () => {
    await start();
    hang(true);
    const waiting = clientOf(SHOP).post('/api/upscale-image', await png());
    await eventually(() => expect(site.stack.simulator().promptIds).toHaveLength(1));
    replaceKeys(`ops:admin:${OPS}`);
    await clientOf(SHOP).error('/api/jobs/list', 401);
    hang(false);
    const response = await waiting;
    expect(response.status).toBe(200);
    expect(syncAnswer.parse(await response.json()).outputs).toHaveLength(1);
  });
});
