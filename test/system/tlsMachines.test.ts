import { mkdtemp, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { instancesAnswer } from '../../src/schemas/instances.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { eventually } from '../support/eventually.js';
import { colourOf, distance, middle, png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';
import { requireOpenssl, TlsProxy } from '../support/TlsProxy.js';

const COLOUR = colourOf(7);
const ADDRESS = '127.0.0.1';

describe.runIf(requireOpenssl())('a machine behind TLS with a certificate that nobody else signed', () => {
  let machine: Simulator;
  let proxy: TlsProxy;
  let stack: Stack;
  let file: string;
  afterEach(async () => {
    await stack.stop();
    await proxy.stop();
    await machine.stop();
  });

  /** @param subject of the certificate */
  async function start(subject: string, entry: () => object): Promise<void> {
    machine = await startSimulator();
    proxy = await TlsProxy.start(machine.host, subject, ADDRESS);
    file = path.join(await mkdtemp(path.join(tmpdir(), 'fleet-')), 'instances.json');
    await list(entry());
    stack = await Stack.start({
      simulators: [],
      env: { INSTANCES_FILE: file },
      overrides: { resolve: async () => [ADDRESS] },
    });
  }

  async function list(entry: object): Promise<void> {
    await writeFile(`${file}.new`, JSON.stringify([entry]));
    await rename(`${file}.new`, file);
  }

  const instance = async () => (await stack.client.json('/api/instances', instancesAnswer)).instances[0];

  async function expectUnhealthy(reason: RegExp): Promise<void> {
    await eventually(async () => expect((await instance())?.reason).toMatch(reason));
    expect(await instance()).toMatchObject({ health: 'unhealthy', version: null });
  }

  /** Runs a job over HTTPS with an open WebSocket. */
  async function expectJob(): Promise<void> {
    const host = `${ADDRESS}:${proxy.port}`;
    await eventually(() => expect(stack.services.connections.stats()[host]?.connected).toBeGreaterThan(0));
    const { image, body } = await stack.client.process('remove-background', await png({ colour: COLOUR }));
    expect(distance(await middle(image), COLOUR)).toBeLessThan(3);
    const { comfyui_instance } = await stack.client.status(body.job_id);
    expect(comfyui_instance).toBe(host);
    expect(machine.promptIds.length).toBe(1);
  }

  it('runs jobs over https and wss where its ca_file is given, and says what is wrong until then', async () => {
    await start(`IP:${ADDRESS}`, () => ({ url: `https://${ADDRESS}:${proxy.port}` }));
    await expectUnhealthy(/certificate is not trusted \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
    await list({ url: `https://${ADDRESS}:${proxy.port}`, ca_file: proxy.caFile });
    await expectJob();
  });

  it('is not used under another address than that of its certificate', async () => {
    const entry = () => ({ url: `https://${ADDRESS}:${proxy.port}`, ca_file: proxy.caFile });
    await start('DNS:gpu.example', entry);
    await expectUnhealthy(/certificate is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/);
  });

  it('has a certificate for its name where DNS gives the address', async () => {
    await start('DNS:gpu.example', () => ({
      url: `dns+https://gpu.example:${proxy.port}`,
      ca_file: proxy.caFile,
    }));
    await expectJob();
  });
});
