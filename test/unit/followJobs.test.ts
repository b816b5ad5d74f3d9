import { afterEach, expect, it, vi } from 'vitest';
import { type JobStatus, MiddlewareClient } from '../../src/client/index.js';
import { followJobs } from '../../src/dashboard/followJobs.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';

const servers = new HttpServers();
afterEach(() => {
  vi.useRealTimers();
  return servers.close();
});

it('the page waits as long as the rate limit requires, and then continues', async () => {
  const times: number[] = [];
  const baseUrl = await servers.listen((_request, response) => {
    times.push(performance.now());
    if (times.length > 1) return response.end('{"status":"completed"}');
    return response.writeHead(429, { 'Retry-After': '2' }).end('{"code":"RATE_LIMITED"}');
  });
  const over = new AbortController();
  const seen: string[] = [];
  const followed = {
    open: () => (seen.length === 0 ? ['a'] : []),
    onStatus: (_id: string, { status }: { status: string }) => void seen.push(status),
    onError: (id: string) => void seen.push(id),
  };
  const following = followJobs(new MiddlewareClient({ baseUrl }), followed, over.signal);
  await eventually(() => expect(seen).toEqual(['completed']));
  over.abort();
  await following;
  const [first = 0, second = 0] = times;
  expect(times).toHaveLength(2);
  expect(second - first).toBeGreaterThan(1900);
});

it('the page asks less often about a job that takes long', async () => {
  vi.useFakeTimers();
  let requests = 0;
  const client = {
    status: async () => {
      requests += 1;
      return { status: 'processing' } as JobStatus;
    },
  };
  const open = ['a'];
  const followed = { open: () => open, onStatus: () => undefined, onError: () => undefined };
  const over = new AbortController();
  const following = followJobs(client, followed, over.signal);
  const within = async (ms: number) => {
    const before = requests;
    await vi.advanceTimersByTimeAsync(ms);
    return requests - before;
  };
  // A short job is shown as soon as it ends.
  expect(await within(1500)).toBeGreaterThanOrEqual(5);
  expect(requests + (await within(23_500))).toBeLessThanOrEqual(30);
  expect(await within(20_000)).toBeLessThanOrEqual(10);
  // Another job is not delayed by it.
  open.push('b');
  expect(await within(1500)).toBeGreaterThanOrEqual(5);
  over.abort();
  await vi.advanceTimersByTimeAsync(3000);
  await following;
});
