import { afterEach, describe, expect, it } from 'vitest';
import { healthAnswer } from '../../src/schemas/status.js';
import { contradictsItself } from '../../src/services/comfyui/severalMachines.js';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import { MemoryFolders } from '../../src/simulator/MemoryFolders.js';
import { RoundRobinProxy } from '../../src/simulator/RoundRobinProxy.js';
import { eventually } from '../support/eventually.js';
import { png } from '../support/pictures.js';
import { RecordingLogger } from '../support/RecordingLogger.js';
import { Stack } from '../support/stack.js';

let stack: Stack;
let proxy: RoundRobinProxy | undefined;
let hidden: Simulator[] = [];

afterEach(async () => {
  await stack.stop();
  await proxy?.stop();
  proxy = undefined;
  await Promise.all(hidden.map((simulator) => simulator.stop()));
});

/** A server with one machine, and one address that leads to two machines. */
async function start(env: Record<string, string> = {}, shared = false): Promise<RecordingLogger> {
  const logger = new RecordingLogger();
  const folders = new MemoryFolders();
  hidden = await Promise.all([0, 1].map(() => startSimulator(shared ? { folders } : {})));
  proxy = new RoundRobinProxy(hidden.map(({ host }) => host));
  await proxy.start();
  const good = await startSimulator();
  hidden.push(good);
  stack = await Stack.start({
    simulators: [],
    logger,
    env: { COMFYUI_HOST: `${proxy.host},${good.host}`, ...env },
  });
  return logger;
}

describe('one machine', () => {
  it('is not taken for several when many look at the same time', async () => {
    await start();
    const client = stack.services.instances[1]?.client;
    if (!client) throw new Error('there is no second instance');
    const looks = Array.from({ length: 8 }, async (_, turn) => {
      // So that some requests upload while others check.
      for (let n = 0; n < 4 * turn; n += 1) await client.systemStats();
      return contradictsItself(client, new AbortController().signal);
    });
    expect(await Promise.all(looks)).toEqual(Array(8).fill(false));
  });
});

const health = () => stack.client.json('/health', healthAnswer);

describe('an address that leads to several machines in turn', () => {
  it('gets no jobs, and health says why', async () => {
    await start();
    const { issues, comfyui_instances } = await health();
    expect(comfyui_instances.instances.map(({ status }) => status)).toEqual(['unhealthy', 'healthy']);
    expect(comfyui_instances.instances[0]?.problem).toContain('several ComfyUI machines');
    expect(issues.join()).toContain('several ComfyUI machines');
    for (let n = 0; n < 6; n += 1) {
      const { body } = await stack.client.process('remove-background', await png());
      expect(body.comfyui_instance).toBe(hidden[2]?.host);
    }
    expect(hidden.slice(0, 2).flatMap(({ executions }) => executions)).toEqual([]);
  });

  it('is looked at no more often than others', async () => {
    await start({ HEALTH_CHECK_INTERVAL: '1000' });
    const checks = (machines: readonly Simulator[]) =>
      machines.reduce((sum, { requests }) => sum + (requests.get('GET /system_stats') ?? 0), 0);
    await eventually(() => expect(checks(hidden.slice(2))).toBeGreaterThanOrEqual(3));
    expect(checks(hidden.slice(0, 2))).toBeLessThanOrEqual(4);
  });

  it('is used again once it is one machine', async () => {
    await start();
    expect((await health()).comfyui_instances.healthy).toBe(1);
    if (proxy) proxy.hosts = [hidden[0]?.host ?? ''];
    await eventually(async () => expect((await health()).comfyui_instances.healthy).toBe(2));
  });

  it.each([
    ['machines share their folders', {}, true],
    ['pictures ride in the prompt', { COMFYUI_IMAGE_INPUT: 'base64' }, false],
  ])('costs no job and hardly a run even before it is found out, where %s', async (_, env, shared) => {
    await start(env, shared);
    for (let n = 0; n < 12; n += 1) {
      const id = await stack.client.submit('remove-background', await png());
      expect(await stack.client.finished(id)).toMatchObject({ status: 'completed' });
    }
    // Jobs may succeed by chance; the first contradiction ends this.
    const needless = hidden.flatMap(({ executions }) => executions).length - 12;
    expect(needless).toBeLessThanOrEqual(2);
  });
});

describe('an address that is one machine', () => {
  /** Lets the server check the machine again, and changes the file of its check. */
  async function comeUp(onView: (n: number) => 'there' | 'gone' | 'other'): Promise<void> {
    const logger = new RecordingLogger();
    stack = await Stack.start({ simulators: [{}, {}], logger, env: { HEALTH_CHECK_INTERVAL: '100' } });
    const simulator = stack.simulator();
    await simulator.unplug();
    await eventually(async () => expect((await health()).comfyui_instances.healthy).toBe(1));
    let views = 0;
    const { read } = simulator.folders;
    simulator.folders.read = (place) => {
      const bytes = read.call(simulator.folders, place);
      if (!place.filename.includes('probe')) return bytes;
      views += 1;
      const outcome = onView(views);
      return outcome === 'there' ? bytes : outcome === 'gone' ? undefined : Buffer.from('<html>');
    };
    await simulator.plugIn();
    await eventually(async () => expect((await health()).comfyui_instances.healthy).toBe(2));
    expect(views).toBeGreaterThan(8);
    expect(logger.lines.filter(({ message }) => message === 'Instance gets no jobs')).toEqual([]);
  }

  it('is not given up when somebody empties its folder during the check', async () => {
    await comeUp((n) => (n > 4 ? 'gone' : 'there'));
  });

  it('is not given up for one odd response', async () => {
    await comeUp((n) => (n === 4 ? 'other' : 'there'));
  });
});
