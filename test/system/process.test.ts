import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { errorAnswer } from '../../src/schemas/common.js';
import { statusAnswer } from '../../src/schemas/status.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { Client } from '../support/client.js';
import { eventually } from '../support/eventually.js';
import { HeldUpload, rawUpload } from '../support/heldUpload.js';
import { colourOf, png } from '../support/pictures.js';
import { ServerProcess } from '../support/process.js';

let simulator: Simulator | undefined;
let server: ServerProcess | undefined;

afterEach(async () => {
  await server?.kill();
  await simulator?.stop();
  server = undefined;
  simulator = undefined;
});

async function start(env: Record<string, string> = {}, workMs = 20) {
  const running = await startSimulator({ workMs: { InspyrenetRembg: workMs } });
  const process = await ServerProcess.start({ COMFYUI_HOST: running.host, ...env });
  simulator = running;
  server = process;
  return { simulator: running, server: process, client: new Client(process.baseUrl) };
}

describe('the start', () => {
  it('says where it listens, which instances it sees and in what state', async () => {
    const one = await startSimulator({ withoutNodes: ['InspyrenetRembg'] });
    simulator = one;
    server = await ServerProcess.spawn({ COMFYUI_HOST: `${one.host},127.0.0.1:9` });
    const process = server;
    await eventually(() => {
      expect(process.lines().filter(({ message }) => message === 'Instance')).toMatchObject([
        { instance: one.host, state: 'healthy', missing: ['InspyrenetRembg'] },
        { instance: '127.0.0.1:9', state: 'unhealthy' },
      ]);
    });
    expect(process.lines()[0]).toMatchObject({ message: 'Listening', host: '127.0.0.1' });
  });

  it('on an address that others reach and without keys says so once', async () => {
    const warnings = async (env: Record<string, string>) => {
      const { server: process } = await start(env);
      const { baseUrl } = process;
      await fetch(`${baseUrl}/status`);
      const lines = process.lines().filter(({ level }) => level === 'warn');
      await process.kill();
      await simulator?.stop();
      return lines.map(({ message }) => message);
    };
    expect(await warnings({ HOST: '0.0.0.0' })).toEqual([
      'No API keys are configured: anyone who can reach this address can use the server',
    ]);
    expect(await warnings({ HOST: '0.0.0.0', API_KEYS: 'a-key-that-is-long-enough' })).toEqual([]);
    expect(await warnings({ HOST: '127.0.0.1' })).toEqual([]);
  });

  it('with a bad configuration is one message and exit code 1', async () => {
    server = ServerProcess.spawn({ PORT: 'x', LOG_LEVEL: 'y' });
    expect(await server.ended()).toBe(1);
    expect(server.output).toBe(
      'Invalid configuration:\n' +
        '  PORT: must be a whole number from 0 to 65535, but was "x"\n' +
        '  LOG_LEVEL: must be one of error, warn, info, debug, but was "y"\n',
    );
  });

  it('on a port that is taken says so and ends with 1', async () => {
    const { server: first } = await start();
    const second = ServerProcess.spawn({ PORT: new URL(first.baseUrl).port });
    expect(await second.ended()).toBe(1);
    expect(second.lines()).toMatchObject([{ level: 'error', message: 'The server cannot listen' }]);
  });
});

describe('a signal', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('%s lets the running job end and exits with 0', async (signal) => {
    const { server, client, simulator } = await start({}, 300);
    const running = client.process('remove-background', await png());
    await eventually(() => expect(simulator.queueRemaining).toBe(1));
    server.child.kill(signal);
    await eventually(async () => {
      const refused = await client.refused('/api/async/remove-background', await png(), 503);
      expect(refused.code).toBe('SHUTTING_DOWN');
    });
    expect((await running).body.success).toBe(true);
    expect(await server.ended()).toBe(0);
    expect(server.lines().at(-1)).toMatchObject({ message: 'Stopped' });
  });

  it('does not wait longer than is configured, and reports what was not done', async () => {
    const { server, client, simulator } = await start({ SHUTDOWN_TIMEOUT: '2000', MAX_CONCURRENT_JOBS: '1' });
    simulator.faults.hang = true;
    const running = await client.submit('remove-background', await png());
    await client.until(running, ({ status }) => status === 'processing');
    const pending = await client.submit('remove-background', await png({ colour: colourOf(1) }));
    server.child.kill('SIGTERM');
    expect(await server.ended()).toBe(0);
    const report = server.lines().find(({ message }) => message === 'Unfinished jobs at shutdown');
    expect(report).toMatchObject({ interrupted: [running], pending: [pending] });
    await eventually(() => expect(simulator.queueRemaining).toBe(0));
  });

  it('given twice ends at once', async () => {
    const { server, client, simulator } = await start();
    simulator.faults.hang = true;
    await client.submit('remove-background', await png());
    await eventually(() => expect(simulator.queueRemaining).toBe(1));
    server.child.kill('SIGTERM');
    await eventually(() => expect(server.lines().some(({ message }) => message === 'Stopping')).toBe(true));
    server.child.kill('SIGTERM');
    expect(await server.ended()).toBe(1);
  });
});

describe('the log', () => {
  it('follows a request to its job, without image data, keys or auth headers', async () => {
    const { server, client, simulator } = await start({
      LOG_LEVEL: 'debug',
      COMFYUI_AUTH_HEADER: 'Authorization: Bearer hunter2',
      API_KEYS: 'shop:hunter4-and-some-more',
    });
    const picture = await png();
    const response = await client.post('/api/remove-background?secret=hunter3', picture, {
      headers: { 'X-Request-ID': 'req-1', Authorization: 'Bearer hunter4-and-some-more' },
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    simulator.faults.failNodes.set('InspyrenetRembg', { type: 'ValueError', message: 'boom' });
    await client.refused('/api/remove-background', await png({ colour: colourOf(2) }), 502, {
      headers: { 'X-API-Key': 'hunter4-and-some-more' },
    });
    await client.refused('/api/remove-background', await png(), 401, { headers: { 'X-API-Key': 'hunter5' } });
    await eventually(() => expect(server.output).toContain('Job failed'));
    const ofRequest = server.lines().filter(({ requestId }) => requestId === 'req-1');
    expect(ofRequest.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['Job accepted', 'Job completed', 'Request']),
    );
    expect(ofRequest.find(({ message }) => message === 'Job completed')).toMatchObject({
      level: 'info',
      component: 'jobs',
      jobId: expect.any(String),
      jobType: 'remove-background',
      instance: simulator.host,
      processingDuration: expect.any(Number),
      resultSize: expect.any(Number),
    });
    expect(ofRequest.find(({ message }) => message === 'Request')).toMatchObject({
      method: 'POST',
      path: '/api/remove-background',
      status: 200,
      key: 'shop',
      durationMs: expect.any(Number),
    });
    expect(server.output).not.toContain('hunter');
    expect(server.output).not.toContain(picture.toString('base64').slice(0, 40));
  });
});

describe('under 100 uploads of 10 MB', () => {
  it('/status is answered while all of them are half way, and nothing is taken for unhealthy', async () => {
    const { client, server } = await start();
    const request = rawUpload('/api/async/remove-background', Buffer.alloc(10 * 1024 * 1024));
    const port = Number(new URL(server.baseUrl).port);
    const uploads = await Promise.all(Array.from({ length: 100 }, () => HeldUpload.begin(port, request)));
    for (let n = 0; n < 10; n += 1) {
      expect((await client.json('/status', statusAnswer)).status).toBe('healthy');
    }
    const rest = Promise.all(uploads.map((upload) => upload.finish()));
    expect((await client.json('/status', statusAnswer)).status).toBe('healthy');
    // Ten megabytes of zeros are no image.
    expect(new Set(await rest)).toEqual(new Set([415]));
    expect((await client.json('/status', statusAnswer)).status).toBe('healthy');
  }, 60_000);
});

describe('what is no HTTP', () => {
  it('is answered in JSON too', async () => {
    const { server } = await start();
    const socket = connect(Number(new URL(server.baseUrl).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (part) => {
      answer += part;
    });
    socket.write('rubbish\r\n\r\n');
    await eventually(() => expect(answer).toMatch(/^HTTP\/1\.1 400 /));
    expect(errorAnswer.parse(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).code).toBe('INVALID_PARAMETER');
    socket.destroy();
  });
});
