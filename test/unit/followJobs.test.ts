import { afterEach, expect, it } from 'vitest';
import { MiddlewareClient } from '../../src/client/index.js';
import { followJobs } from '../../src/dashboard/followJobs.js';
import { eventually } from '../support/eventually.js';
import { HttpServers } from '../support/httpServers.js';

const servers = new HttpServers();
afterEach(() => servers.close());

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
