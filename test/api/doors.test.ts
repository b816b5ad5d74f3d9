import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { allEndpoints, fixedEndpoints } from '../../src/routes/endpoints.js';
import { jobListAnswer } from '../../src/schemas/jobs.js';
import { errorMetricsAnswer, metricsAnswer } from '../../src/schemas/metrics.js';
import { healthAnswer, statusAnswer } from '../../src/schemas/status.js';
import { workflows } from '../../src/workflows/index.js';
import { Client } from '../support/client.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

const SHOP = 'shop-key-0123456789';
const LAB = 'lab-key-01234567890';
const OPS = 'ops-key-01234567890';
const API_KEYS = `shop:${SHOP}, lab:submit:${LAB},ops:admin:${OPS}`;

let stack: Stack;
afterEach(async () => {
  vi.useRealTimers();
  await stack.stop();
});

const withKey = (key: string) => new Client(stack.client.baseUrl, { 'X-API-Key': key });

/** A request for each endpoint, with parameters that do not exist. */
const requests = allEndpoints(workflows).map(({ id, method, path, access }) => ({
  id,
  access,
  path: path.replace(/\{\w+\}/g, 'none'),
  init: { method: method.toUpperCase() },
}));

/** A busy computer takes time to notice that a machine is down. */
const PATIENCE_MS = 15_000;

describe('where there are keys', () => {
  it('a key reads the errors of its own jobs only, and ops those of all', async () => {
    stack = await Stack.start({ env: { API_KEYS, JOB_MAX_ATTEMPTS: '1' } });
    const { failNodes } = stack.simulator().faults;
    const [shop, lab] = [withKey(SHOP), withKey(LAB)];
    const ids: string[] = [];
    for (const [client, text] of [
      [shop, 'shop text'],
      [lab, 'lab text'],
    ] as const) {
      failNodes.set('InspyrenetRembg', { type: 'ValueError', message: `no "${text}"` });
      const id = await client.submit('remove-background', await png());
      await client.finished(id);
      ids.push(id);
    }
    const [shops, labs] = ids;
    for (const [key, seen] of [
      [SHOP, [shops]],
      [LAB, [labs]],
      [OPS, [labs, shops]],
    ] as const) {
      const client = withKey(key);
      const errors = await client.json('/api/metrics/errors', errorMetricsAnswer);
      const overview = await client.json('/api/metrics', metricsAnswer);
      expect(errors.summary.total_errors).toBe(2);
      for (const { recent_errors } of [errors, overview.errors]) {
        expect(recent_errors.map(({ job_id }) => job_id)).toEqual(seen);
      }
      const told = JSON.stringify([errors, overview]);
      expect([told.includes('shop text'), told.includes('lab text')]).toEqual([key !== LAB, key !== SHOP]);
    }
  });

  it('nobody gets in without one, but for load balancers and readers of the documents', async () => {
    stack = await Stack.start({ env: { API_KEYS } });
    for (const headers of [{}, { 'X-API-Key': 'wrong' }, { Authorization: `Bearer ${SHOP}x` }]) {
      for (const { id, access, path, init } of requests) {
        const response = await stack.client.request(path, { ...init, headers });
        await response.arrayBuffer();
        expect([id, response.status]).toEqual([id, access === 'open' ? 200 : 401]);
        if (access !== 'open') expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer/);
      }
    }
    expect((await stack.client.error('/nowhere', 401)).code).toBe('UNAUTHORIZED');
    await stack.client.json('/status', statusAnswer);
    const withoutKey = await stack.client.error('/api/jobs/list', 401);
    const withWrongKey = await stack.client.error('/api/jobs/list', 401, {
      headers: { 'X-API-Key': 'wrong' },
    });
    expect([withoutKey.error, withWrongKey.error]).toEqual([
      'This request needs an API key.',
      'The server does not know this API key.',
    ]);
    expect(withWrongKey.code).toBe('UNAUTHORIZED');
  });

  it('nobody gets in by another way to write a path', async () => {
    stack = await Stack.start({ env: { API_KEYS } });
    for (const path of [
      '/API/jobs/list',
      '/Api/Jobs/Stats/',
      '/api/jobs/list/?limit=1',
      '/api',
      '/api/none',
    ]) {
      expect([path, (await stack.client.error(path, 401)).code]).toEqual([path, 'UNAUTHORIZED']);
    }
    for (const path of ['/Status/', '/HEALTH']) {
      expect([path, (await stack.client.request(path)).status]).toEqual([path, 200]);
    }
    expect((await stack.client.error('/STATUS/metrics', 401)).code).toBe('UNAUTHORIZED');
  });

  it('deleting, cleaning up, saving and breakers are for the scope admin', async () => {
    const WORKFLOWS_DIR = await mkdtemp(path.join(tmpdir(), 'workflows-'));
    stack = await Stack.start({ env: { API_KEYS, WORKFLOWS_DIR, ALLOW_RAW_WORKFLOWS: 'all' } });
    for (const { id, access, path, init } of requests) {
      const response = await withKey(SHOP).request(path, init);
      await response.arrayBuffer();
      expect([id, response.status === 403]).toEqual([id, access === 'admin']);
      expect([id, response.status === 401]).toEqual([id, false]);
    }
    for (const { id, path, init } of requests) {
      const response = await withKey(OPS).request(path, init);
      // Not read to the end: event streams are endless.
      await response.body?.cancel();
      expect([id, [401, 403].includes(response.status)]).toEqual([id, false]);
    }
  });

  it('a key is taken from either header', async () => {
    stack = await Stack.start({ env: { API_KEYS } });
    for (const headers of [{ 'X-API-Key': LAB }, { Authorization: `bearer ${LAB}` }]) {
      const response = await stack.client.request('/api/jobs/list', { headers });
      expect(response.status).toBe(200);
    }
  });

  it("a job is there for its own key and for the scope admin, and for nobody else's", async () => {
    stack = await Stack.start({ env: { API_KEYS } });
    const [shop, lab, ops] = [SHOP, LAB, OPS].map(withKey) as [Client, Client, Client];
    const id = await shop.submit('remove-background', await png());
    const others = await lab.submit('remove-background', await png());
    await shop.finished(id);
    await lab.finished(others);
    for (const path of ['status', 'result', 'result/image', 'info']) {
      expect((await lab.error(`/api/jobs/${id}/${path}`, 404)).code).toBe('JOB_NOT_FOUND');
      expect((await shop.request(`/api/jobs/${id}/${path}`)).status).toBe(200);
      expect((await ops.request(`/api/jobs/${id}/${path}`)).status).toBe(200);
    }
    expect((await lab.error(`/api/jobs/${id}/cancel`, 404, { method: 'POST' })).code).toBe('JOB_NOT_FOUND');
    const listed = async (client: Client) => {
      const { jobs, total } = await client.json('/api/jobs/list', jobListAnswer);
      expect(jobs).toHaveLength(total);
      return jobs.map((job) => job.id).sort();
    };
    expect(await listed(shop)).toEqual([id]);
    expect(await listed(lab)).toEqual([others]);
    expect(await listed(ops)).toEqual([id, others].sort());
  });

  it('/health tells hosts only to callers with a key', async () => {
    const WORKFLOWS_DIR = await mkdtemp(path.join(tmpdir(), 'workflows-'));
    await writeFile(path.join(WORKFLOWS_DIR, 'private-project.json'), '{}');
    stack = await Stack.start({
      env: { API_KEYS, WORKFLOWS_DIR },
      simulators: [{ withoutNodes: ['InspyrenetRembg'] }, {}],
    });
    await stack.simulator(1).crash();
    await vi.waitFor(async () => {
      const { comfyui_instances } = await stack.client.json('/health', healthAnswer);
      expect(comfyui_instances.unhealthy).toBe(1);
    }, PATIENCE_MS);
    const open = await stack.client.json('/health', healthAnswer);
    expect(JSON.stringify(open)).not.toContain('127.0.0.1');
    expect(open.comfyui_instances.instances.map(({ host }) => host)).toEqual(['instance-1', 'instance-2']);
    expect(open.issues).toContain('Instance instance-2 is unhealthy.');
    expect(open.issues).toContain('A workflow file is invalid.');
    expect(JSON.stringify(open)).not.toContain('private-project');
    const known = await withKey(SHOP).json('/health', healthAnswer);
    expect(known.comfyui_instances.instances[0]?.host).toBe(stack.simulator(0).host);
    expect(Object.keys(known.connections)).toContain(stack.simulator(0).host);
    expect(known.issues.join()).toContain('private-project.json');
  });
});

describe('a limit of requests a minute', () => {
  /** A clock that only the test advances. */
  function handClock() {
    let now = 1_000_000;
    const advance = (ms: number) => {
      now += ms;
    };
    return { now: () => now, advance };
  }

  it('refuses what is beyond, says when to come back, and leaves load balancers alone', async () => {
    const clock = handClock();
    stack = await Stack.start({ env: { RATE_LIMIT_PER_MINUTE: '3' }, overrides: { clock } });
    for (const left of [2, 1, 0]) {
      const response = await stack.client.request('/api/jobs/list');
      expect(response.status).toBe(200);
      expect(response.headers.get('RateLimit')).toBe(`limit=3, remaining=${left}, reset=60`);
    }
    const refused = await stack.client.request('/api/jobs/list');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Retry-After')).toBe('60');
    expect(await refused.json()).toMatchObject({ code: 'RATE_LIMITED' });
    for (const path of ['/status', '/health', '/Status/', '/status/metrics', '/livez', '/readyz']) {
      for (let n = 0; n < 5; n += 1) expect((await stack.client.request(path)).status).toBe(200);
    }
    clock.advance(59_000);
    expect((await stack.client.request('/api/jobs/list')).headers.get('Retry-After')).toBe('1');
    clock.advance(1000);
    expect((await stack.client.request('/api/jobs/list')).status).toBe(200);
  });

  it('does not follow the wall clock', async () => {
    const clock = handClock();
    stack = await Stack.start({ env: { RATE_LIMIT_PER_MINUTE: '1' }, overrides: { clock } });
    expect((await stack.client.request('/api/jobs/list')).status).toBe(200);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    expect((await stack.client.request('/api/jobs/list')).status).toBe(429);
    vi.setSystemTime(Date.now() - 7_200_000);
    clock.advance(60_000);
    expect((await stack.client.request('/api/jobs/list')).status).toBe(200);
  });

  it('counts by key, and by address where there is none', async () => {
    stack = await Stack.start({ env: { API_KEYS, RATE_LIMIT_PER_MINUTE: '1' } });
    for (const key of [SHOP, LAB]) {
      expect((await withKey(key).request('/api/jobs/list')).status).toBe(200);
      expect((await withKey(key).request('/api/jobs/list')).status).toBe(429);
    }
    expect((await stack.client.request('/api/jobs/list')).status).toBe(401);
    // Guessing keys is rate limited, too.
    expect((await withKey('a guess').request('/api/jobs/list')).status).toBe(429);
  });

  it('believes a proxy about addresses only where that is configured', async () => {
    const ask = (from: string) =>
      stack.client.request('/api/jobs/list', { headers: { 'X-Forwarded-For': from } });
    stack = await Stack.start({ env: { RATE_LIMIT_PER_MINUTE: '1' } });
    expect([(await ask('192.0.2.1')).status, (await ask('192.0.2.2')).status]).toEqual([200, 429]);
    await stack.stop();
    stack = await Stack.start({ env: { RATE_LIMIT_PER_MINUTE: '1', TRUST_PROXY: 'loopback' } });
    expect([(await ask('192.0.2.1')).status, (await ask('192.0.2.2')).status]).toEqual([200, 200]);
    expect((await ask('192.0.2.1')).status).toBe(429);
  });
});

describe('a client behind a proxy', () => {
  /** Whether two addresses count as one client for a limit of one request per minute. */
  async function areOne(first: string, second: string): Promise<boolean> {
    const ask = async (from: string) => {
      const headers = { 'X-Forwarded-For': from };
      return (await stack.client.request('/api/jobs/list', { headers })).status;
    };
    stack = await Stack.start({
      env: { RATE_LIMIT_PER_MINUTE: '1', TRUST_PROXY: 'loopback,198.51.100.0/24' },
    });
    expect(await ask(first)).toBe(200);
    return (await ask(second)) === 429;
  }

  it.each([
    ['192.0.2.1:1000', '192.0.2.1:2000'],
    ['192.0.2.1:1000', '192.0.2.1'],
    ['[2001:db8::1]:443', '[2001:db8::1]:8080'],
    ['[2001:db8::1]:443', '2001:0DB8:0::1'],
    ['2001:db8:0:1::1', '2001:db8:0:1:ffff::9'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:99', '192.0.2.1'],
    ['192.0.2.1, 198.51.100.7:5000', '192.0.2.1, 198.51.100.8:6000'],
    ['a-name', 'another-name'],
  ])('at %s is the one at %s', async (first, second) => {
    expect(await areOne(first, second)).toBe(true);
  });

  it.each([
    ['192.0.2.1:1000', '192.0.2.2:1000'],
    ['2001:db8:0:1::1', '2001:db8:0:2::1'],
    ['192.0.2.1, 198.51.100.7:5000', '192.0.2.2, 198.51.100.7:5000'],
  ])('at %s is not the one at %s', async (first, second) => {
    expect(await areOne(first, second)).toBe(false);
  });
});

describe('pages of other origins', () => {
  const ask = (origin: string) =>
    stack.client.request('/api/remove-background', {
      method: 'OPTIONS',
      headers: {
        Origin: origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'x-api-key',
      },
    });

  it('are not let in by default', async () => {
    stack = await Stack.start();
    const response = await ask('https://app.example.com');
    expect(response.status).toBe(405);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });

  it('are let in when they are listed, keys or not, and may read our headers', async () => {
    stack = await Stack.start({
      env: { API_KEYS, CORS_ORIGINS: 'https://app.example.com,http://localhost:5173' },
    });
    const preflight = await ask('https://app.example.com');
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.com');
    const allowed = preflight.headers.get('Access-Control-Allow-Methods')?.split(',');
    const methods = new Set(fixedEndpoints.map(({ method }) => method.toUpperCase()));
    expect(allowed).toEqual(expect.arrayContaining([...methods]));
    expect(preflight.headers.get('Access-Control-Allow-Headers')).toBe('x-api-key');
    expect((await ask('https://evil.example.com')).headers.get('Access-Control-Allow-Origin')).toBeNull();
    const response = await withKey(SHOP).request('/api/jobs/list', {
      headers: { Origin: 'http://localhost:5173' },
    });
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('http://localhost:5173');
    expect(response.headers.get('Access-Control-Expose-Headers')).toContain('X-Job-ID');
    expect(response.headers.get('Vary')).toContain('Origin');
  });
});

describe('every answer', () => {
  it('tells browsers to do no more with it than it is for, and not what made it', async () => {
    stack = await Stack.start();
    for (const path of ['/status', '/', '/docs', '/api/jobs/list', '/nowhere']) {
      const { headers } = await stack.client.request(path);
      expect(headers.get('X-Powered-By')).toBeNull();
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
      const policy = headers.get('Content-Security-Policy');
      expect(policy, path).toContain(`default-src ${path === '/docs' ? "'self'" : "'none'"}`);
      expect(policy, path).toContain("frame-ancestors 'none'");
      expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin');
      // Without TLS nothing of the page may be requested by https.
      expect(policy).not.toContain('upgrade-insecure-requests');
      expect(headers.get('Strict-Transport-Security')).toBeNull();
    }
  });

  it('has the length in its head, for HEAD too', async () => {
    stack = await Stack.start();
    const id = await stack.client.submit('remove-background', await png());
    await stack.client.finished(id);
    const path = `/api/jobs/${id}/status`;
    const body = await (await stack.client.request(path)).text();
    const head = await stack.client.request(path, { method: 'HEAD' });
    expect(Number(head.headers.get('Content-Length'))).toBe(body.length);
    expect(await head.text()).toBe('');
  });

  it('lets no window of another origin keep a hold of a page, and tells none its address', async () => {
    stack = await Stack.start();
    for (const path of ['/', '/docs']) {
      const { status, headers } = await stack.client.request(path);
      expect(status).toBe(200);
      expect(headers.get('Cross-Origin-Opener-Policy'), path).toBe('same-origin');
      expect(headers.get('Referrer-Policy'), path).toBe('no-referrer');
    }
  });
});
