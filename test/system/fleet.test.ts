import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { instanceAnswer, instancesAnswer } from '../../src/schemas/instances.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/freePort.js';
import { colourOf, png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack } from '../support/stack.js';
import { userGraph } from '../support/userGraphs.js';
import { WorkflowFiles } from '../support/workflowFiles.js';

/** Long enough for events during a job. */
const WORK = { workMs: { InspyrenetRembg: 150 } };

let stack: Stack;
const others: Simulator[] = [];
afterEach(async () => {
  await stack.stop();
  await Promise.all(others.splice(0).map((simulator) => simulator.stop()));
});

async function simulator(options: Parameters<typeof startSimulator>[0] = {}): Promise<Simulator> {
  const one = await startSimulator(options);
  others.push(one);
  return one;
}

const list = async () => (await stack.client.json('/api/instances', instancesAnswer)).instances;
const hosts = async () => (await list()).map(({ host }) => host);

const send = (method: string, name: string, body?: object) =>
  stack.client.request(`/api/instances${name}`, {
    method,
    ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}),
  });

/** Submits a job of a workflow without files. */
async function submitted(type: string): Promise<{ id: string }> {
  const response = await stack.client.request(`/api/async/${type}`, {
    method: 'POST',
    body: '{}',
    headers: { 'Content-Type': 'application/json' },
  });
  return { id: ((await response.json()) as { job_id: string }).job_id };
}

const submit = async (n: number, fields: Record<string, string> = {}) =>
  stack.client.submit('remove-background', await png({ colour: colourOf(n) }), fields);

/** The machines on which `count` jobs ran. */
async function places(count: number): Promise<Set<string | null>> {
  const ids = await Promise.all(Array.from({ length: count }, (_, n) => submit(n)));
  const ended = await Promise.all(ids.map((id) => stack.client.finished(id)));
  expect(ended.map(({ status }) => status)).toEqual(ids.map(() => 'completed'));
  return new Set(ended.map(({ comfyui_instance }) => comfyui_instance));
}

describe('the API', () => {
  it('adds a machine, which gets jobs once it was checked', async () => {
    stack = await Stack.start();
    const second = await simulator();
    const response = await send('POST', '', { url: `http://${second.host}`, name: 'gpu-2', max_jobs: 3 });
    expect(response.status).toBe(201);
    const [added] = instanceAnswer.parse(await response.json()).instances;
    expect(added).toMatchObject({ name: 'gpu-2', host: second.host, origin: 'api', max_jobs: 3 });
    await eventually(async () => expect((await list())[1]?.health).toBe('healthy'));
    expect((await places(6)).size).toBe(2);
    expect((await stack.client.json('/api/instances', instancesAnswer)).problems).toEqual([]);
  });

  it('takes no machine twice, and no bad one', async () => {
    stack = await Stack.start();
    const same = await send('POST', '', { url: stack.simulator().host });
    expect([same.status, ((await same.json()) as { code: string }).code]).toEqual([409, 'INSTANCE_EXISTS']);
    for (const [body, error] of [
      [{}, 'url is required.'],
      [
        { url: 5, labels: 'a', colour: 'red' },
        'url must be a text; labels must be a list; colour is not a known field.',
      ],
    ] as const) {
      expect(await (await send('POST', '', body)).json()).toMatchObject({ code: 'INVALID_PARAMETER', error });
    }
    const state = await send('PATCH', '/instance-1', { state: 'gone' });
    expect(await state.json()).toMatchObject({ error: 'state must be active or draining.' });
    for (const body of [
      {},
      { url: 'ftp://a' },
      { url: 'a', name: 'no spaces' },
      { url: 'a', max_jobs: 0 },
      { url: 'a', auth_header: 'secret-without-colon' },
      { url: 'a', ca_file: '/nowhere/at-all.pem' },
      { url: 'dns+http://a', name: 'one' },
      { url: 'a', colour: 'red' },
      [],
    ]) {
      const refused = await send('POST', '', body);
      const text = await refused.text();
      expect([body, refused.status]).toEqual([body, 400]);
      expect(text).toContain('INVALID_PARAMETER');
      expect(text).not.toContain('secret-without-colon');
    }
    expect((await send('DELETE', '/nobody')).status).toBe(404);
    expect((await send('PATCH', '/nobody', { max_jobs: 1 })).status).toBe(404);
    expect((await send('PATCH', '/instance-1', {})).status).toBe(400);
    expect(await hosts()).toEqual([stack.simulator().host]);
  });

  it('drains a machine: running jobs end there, no new one begins', async () => {
    stack = await Stack.start({ simulators: [{}, {}] });
    const first = stack.simulator(0);
    first.faults.hang = true;
    stack.simulator(1).faults.hang = true;
    const ids = [await submit(1), await submit(2)];
    await eventually(() => expect(stack.simulators.map(({ promptIds }) => promptIds.length)).toEqual([1, 1]));
    expect((await send('PATCH', '/instance-1', { state: 'draining' })).status).toBe(200);
    first.faults.hang = false;
    stack.simulator(1).faults.hang = false;
    expect(await places(4)).toEqual(new Set([stack.simulator(1).host]));
    for (const id of ids) await stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
    expect((await list())[0]).toMatchObject({ state: 'draining', reason: 'It is draining.' });
    expect((await send('PATCH', '/instance-1', { state: 'active' })).status).toBe(200);
    await eventually(async () => expect((await places(4)).size).toBe(2));
  });

  it('removes a machine when its jobs have ended, and none is lost', async () => {
    stack = await Stack.start({ simulators: [WORK, WORK] });
    const ids = await Promise.all(Array.from({ length: 12 }, (_, n) => submit(n)));
    await eventually(() => expect(stack.simulator(0).promptIds.length).toBeGreaterThan(0));
    const response = await send('DELETE', '/instance-1');
    const [leaving] = instanceAnswer.parse(await response.json()).instances;
    expect(leaving).toMatchObject({ state: 'leaving' });
    // At most the jobs that it already has are submitted.
    const most = stack.simulator(0).promptIds.length + (leaving?.active_jobs ?? 0);
    for (const id of ids)
      expect(await stack.client.finished(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(stack.simulator(0).promptIds.length).toBeLessThanOrEqual(most);
    await eventually(async () => expect(await hosts()).toEqual([stack.simulator(1).host]));
    expect(Object.keys(stack.services.connections.stats())).toEqual([stack.simulator(1).host]);
    expect(await places(2)).toEqual(new Set([stack.simulator(1).host]));
  });

  describe('while a removed machine runs its last job', () => {
    let late: Simulator;
    let job: string;
    const entry = () => ({ url: `http://${late.host}`, name: 'late' });
    const added = async (body: object) => {
      const response = await send('POST', '', body);
      expect(response.status).toBe(201);
      return instanceAnswer.parse(await response.json()).instances;
    };
    const refused = async (method: string, name: string, body?: object) => {
      const response = await send(method, name, body);
      return { status: response.status, ...((await response.json()) as object) };
    };

    beforeEach(async () => {
      late = await simulator();
      stack = await Stack.start();
      await send('PATCH', '/instance-1', { state: 'draining' });
      await added(entry());
      late.faults.hang = true;
      job = await submit(1);
      await eventually(() => expect(late.promptIds).toHaveLength(1));
      expect((await send('DELETE', '/late')).status).toBe(200);
    });
    const endJob = async () => {
      late.faults.hang = false;
      expect(await stack.client.finished(job)).toMatchObject({ status: 'completed', attempts: 1 });
    };

    it('says so where its name is used, and does not list the name', async () => {
      const error = 'The instance late was removed, and disappears when its last job has ended.';
      const gone = { status: 404, code: 'INSTANCE_NOT_FOUND', details: { known_names: ['instance-1'] } };
      expect(await refused('PATCH', '/late', { max_jobs: 2 })).toMatchObject({ ...gone, error });
      expect(await refused('DELETE', '/late')).toMatchObject({ ...gone, error });
      expect(await refused('DELETE', '/nobody')).toMatchObject({
        ...gone,
        error: 'There is no instance nobody.',
      });
      await endJob();
      await eventually(async () => expect(await hosts()).toEqual([stack.simulator().host]));
    });

    it('keeps it if it is added again', async () => {
      expect(await added({ ...entry(), max_jobs: 3 })).toMatchObject([
        { name: 'late', host: late.host, state: 'active', max_jobs: 3 },
      ]);
      expect(await refused('POST', '', entry())).toMatchObject({ status: 409, code: 'INSTANCE_EXISTS' });
      expect((await send('PATCH', '/late', { max_jobs: 4 })).status).toBe(200);
      await endJob();
      expect(await list()).toMatchObject([{}, { name: 'late', state: 'active', max_jobs: 4 }]);
    });

    it('shows it as leaving if it is added with another name, which takes its place', async () => {
      const renamed = { ...entry(), name: 'later' };
      expect(await added(renamed)).toMatchObject([{ name: 'late', host: late.host, state: 'leaving' }]);
      for (const body of [renamed, { ...renamed, name: 'latest' }])
        expect(await refused('POST', '', body)).toMatchObject({
          status: 409,
          error: 'The instance later already exists.',
        });
      await endJob();
      await eventually(async () =>
        expect(await list()).toMatchObject([{}, { name: 'later', host: late.host, state: 'active' }]),
      );
    });

    it('changes and removes the new machine that has its name', async () => {
      const { host } = await simulator();
      const named = { url: `http://${host}`, name: 'late' };
      expect(await added(named)).toMatchObject([{ name: 'late', host, state: 'active' }]);
      expect(await refused('POST', '', named)).toMatchObject({ status: 409, code: 'INSTANCE_EXISTS' });
      const changed = await send('PATCH', '/late', { max_jobs: 2 });
      expect(instanceAnswer.parse(await changed.json()).instances).toMatchObject([{ host, max_jobs: 2 }]);
      const opened = await stack.client.request('/api/circuit-breakers/late/open', { method: 'POST' });
      expect(await opened.json()).toMatchObject({ circuit_breaker: { name: 'late', host } });
      expect((await send('DELETE', '/late')).status).toBe(200);
      expect(await list()).toMatchObject([{}, { host: late.host, state: 'leaving' }]);
      await endJob();
    });
  });

  it.each(['environment', 'file'])(
    'removes a machine of the %s again after it was added again',
    async (from) => {
      const { host } = await simulator();
      const file = path.join(await mkdtemp(path.join(tmpdir(), 'machines-')), 'instances.yaml');
      await writeFile(file, `- { url: "http://${host}", name: instance-1 }`);
      const env = from === 'file' ? { INSTANCES_FILE: file } : { COMFYUI_HOST: host };
      stack = await Stack.start({ simulators: [], env });
      for (const _ of [1, 2, 3]) {
        expect((await send('DELETE', '/instance-1')).status).toBe(200);
        await eventually(async () => expect(await hosts()).toEqual([]));
        expect((await send('POST', '', { url: `http://${host}`, name: 'instance-1' })).status).toBe(201);
        expect(await hosts()).toEqual([host]);
      }
      expect((await send('DELETE', '/instance-1')).status).toBe(200);
      await eventually(async () => expect(await hosts()).toEqual([]));
      expect((await send('DELETE', '/instance-1')).status).toBe(404);
    },
  );

  it('says that nothing can run a job where every machine is draining, and waits', async () => {
    stack = await Stack.start();
    await send('PATCH', '/instance-1', { state: 'draining' });
    const refused = await stack.client.post('/api/remove-background', await png());
    expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('is draining')]);
    const id = await submit(1);
    await send('PATCH', '/instance-1', { state: 'active' });
    expect((await stack.client.finished(id)).status).toBe('completed');
  });

  it('gives a machine as many jobs as it takes', async () => {
    stack = await Stack.start({ env: { MAX_JOBS_PER_INSTANCE: '1' } });
    stack.simulator().faults.hang = true;
    const ids = await Promise.all([1, 2, 3, 4].map((n) => submit(n)));
    await eventually(() => expect(stack.services.processor.activeJobs).toBe(1));
    await send('PATCH', '/instance-1', { max_jobs: 3 });
    await eventually(() => expect(stack.services.processor.activeJobs).toBe(3));
    expect((await list())[0]).toMatchObject({ max_jobs: 3, active_jobs: 3 });
    for (const id of ids) await stack.client.request(`/api/jobs/${id}/cancel`, { method: 'POST' });
  });

  it('is for keys of the scope admin, but for looking', async () => {
    const keys = ['user'.padEnd(24, 'u'), 'admin'.padEnd(24, 'a')];
    stack = await Stack.start({ env: { API_KEYS: `u:${keys[0]},a:admin:${keys[1]}` } });
    const status = async (method: string, key: string | undefined, body?: object) => {
      const headers = { 'X-API-Key': key ?? '', 'Content-Type': 'application/json' };
      const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
      return (await stack.client.request(`/api/instances${method === 'PATCH' ? '/instance-1' : ''}`, init))
        .status;
    };
    expect([await status('GET', undefined), await status('GET', keys[0])]).toEqual([401, 200]);
    expect([
      await status('PATCH', keys[0], { max_jobs: 2 }),
      await status('PATCH', keys[1], { max_jobs: 2 }),
    ]).toEqual([403, 200]);
  });
});

describe('labels', () => {
  it('keep a workflow to the machines that have them', async () => {
    const files = await WorkflowFiles.create({
      'draw.json': userGraph('text-to-image'),
      'draw.yaml': 'labels: [large]\noutputs: { image: { node: "9" } }\n',
    });
    stack = await Stack.start({ simulators: [{}, {}], env: { WORKFLOWS_DIR: files.directory } });
    const missing = async () => (await list()).map((one) => one.missing['draw']);
    expect(await missing()).toEqual([['label large'], ['label large']]);
    const { id } = await submitted('draw');
    expect((await stack.client.status(id)).status).toBe('pending');
    await send('PATCH', '/instance-2', { labels: ['large', 'other'] });
    expect(await stack.client.finished(id)).toMatchObject({
      status: 'completed',
      comfyui_instance: stack.simulator(1).host,
    });
    expect(await missing()).toEqual([['label large'], undefined]);
    await files.remove('draw.json');
  });
});

describe('INSTANCES_FILE', () => {
  async function start(text: string, env: Record<string, string> = {}) {
    const file = path.join(await mkdtemp(path.join(tmpdir(), 'fleet-')), 'instances.yaml');
    await writeFile(file, text);
    const logger = new RecordingLogger();
    stack = await Stack.start({ simulators: [], env: { INSTANCES_FILE: file, ...env }, logger });
    return { file, logger };
  }
  /** Replaces a file as editors and orchestrators do. */
  async function replace(file: string, text: string) {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  it('names the machines, and is followed', async () => {
    const [one, two] = [await simulator(), await simulator()];
    const { file } = await start(`- { url: "http://${one.host}", name: first, labels: [a] }`);
    expect(await list()).toMatchObject([{ name: 'first', origin: 'file', labels: ['a'], health: 'healthy' }]);
    await replace(
      file,
      `instances:\n  - url: http://${two.host}\n    max_jobs: 5\n  - url: ${one.host}\n    name: first\n`,
    );
    await eventually(async () => expect((await hosts()).sort()).toEqual([one.host, two.host].sort()));
    expect((await list()).find(({ host }) => host === two.host)).toMatchObject({
      name: two.host,
      max_jobs: 5,
    });
    expect((await list()).find(({ host }) => host === one.host)).toMatchObject({ name: 'first', labels: [] });
    await replace(file, JSON.stringify([{ url: two.host }]));
    await eventually(async () => expect(await hosts()).toEqual([two.host]));
    expect(await places(2)).toEqual(new Set([two.host]));
  });

  it('leaves the machines as they are while it is wrong, and says so without its secrets', async () => {
    const one = await simulator();
    const { file, logger } = await start(`- url: ${one.host}`);
    for (const [text, says] of [
      ['- url: [', 'neither YAML nor JSON'],
      ['- { url: a, auth_header: hunter2 }', 'entry 1: auth_header'],
      ['- { url: "http://user:hunter2@a b" }', 'entry 1: url'],
      ['{ machines: [] }', 'must be a list'],
      ['- { url: a, name: x }\n- { url: b, limit: 3 }', 'entry 2: the field limit'],
    ] as const) {
      await replace(file, text);
      await eventually(async () => {
        const { problems } = await stack.client.json('/api/instances', instancesAnswer);
        expect(problems[0]).toContain(says);
      });
      expect(await hosts()).toEqual([one.host]);
    }
    expect(JSON.stringify(logger.lines)).not.toContain('hunter2');
    await replace(file, `- url: ${one.host}\n- url: http://${one.host}\n`);
    await eventually(async () => {
      const { problems } = await stack.client.json('/api/instances', instancesAnswer);
      expect(problems).toEqual([expect.stringContaining('listed twice')]);
    });
  });

  it('stops the start where it cannot be read', async () => {
    await expect(start('- nothing')).rejects.toThrow(/INSTANCES_FILE: .*entry 1/);
    stack = await Stack.start();
  });

  it('has a header for each machine, which is sent with everything and shown nowhere', async () => {
    const secret = 'Bearer s3cret-of-one';
    const one = await simulator({ requireHeader: { name: 'authorization', value: secret } });
    const { file, logger } = await start(`- { url: "${one.host}", auth_header: "Authorization: ${secret}" }`);
    expect(await places(2)).toEqual(new Set([one.host]));
    expect(stack.services.connections.stats()[one.host]?.connected).toBeGreaterThan(0);
    // A changed header opens a new connection to the machine.
    await replace(file, `- { url: "${one.host}", auth_header: "Authorization: wrong" }`);
    await eventually(async () => expect((await list())[0]?.health).toBe('unhealthy'));
    await replace(file, `- { url: "${one.host}", auth_header: "Authorization: ${secret}" }`);
    await eventually(async () => expect((await list())[0]?.health).toBe('healthy'));
    const told = JSON.stringify([await list(), logger.lines]);
    expect(told).not.toContain('s3cret');
    expect(told).not.toContain('Bearer');
  });
});

describe('a DNS name', () => {
  it('stands for its addresses, which change; while DNS is silent everything stays', async () => {
    const port = await freePort();
    const [one, two] = [await simulator(), await simulator()];
    await one.stop();
    await two.stop();
    await one.start(port, '127.0.0.2');
    await two.start(port, '127.0.0.3');
    let answer: () => string[] = () => ['127.0.0.2'];
    const asked: string[] = [];
    const resolve = async (hostname: string) => {
      asked.push(hostname);
      return answer();
    };
    stack = await Stack.start({
      simulators: [],
      env: { COMFYUI_HOST: `dns+http://gpus.example:${port}`, DISCOVERY_INTERVAL: '100' },
      overrides: { resolve },
    });
    expect(await hosts()).toEqual([`127.0.0.2:${port}`]);
    expect(await places(2)).toEqual(new Set([`127.0.0.2:${port}`]));
    answer = () => ['127.0.0.3', '127.0.0.2'];
    await eventually(async () => expect((await hosts()).length).toBe(2));
    await eventually(async () =>
      expect((await list()).every(({ health }) => health === 'healthy')).toBe(true),
    );
    expect((await places(6)).size).toBe(2);
    answer = () => {
      throw new Error('no DNS today');
    };
    const before = asked.length;
    await eventually(() => expect(asked.length).toBeGreaterThan(before + 2));
    expect((await hosts()).length).toBe(2);
    answer = () => ['127.0.0.3'];
    await eventually(async () => expect(await hosts()).toEqual([`127.0.0.3:${port}`]));
    expect(await places(2)).toEqual(new Set([`127.0.0.3:${port}`]));
    expect(new Set(asked)).toEqual(new Set(['gpus.example']));
  });
});
