import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/index.js';
import type { Logger } from '../../src/utils/logger.js';
import { png } from '../support/pictures.js';
import { Stack } from '../support/stack.js';

const PASSWORD = 'p@ss:wörd,/?#%';
const BASIC = Buffer.from(`gpu user:${PASSWORD}`).toString('base64');
const USER_INFO = `gpu%20user:${encodeURIComponent(PASSWORD)}`;
const SECRETS = [PASSWORD, encodeURIComponent(PASSWORD), BASIC, 'gpu user', 'gpu%20user', 'Basic'];

let simulator: Simulator;
let stack: Stack;
afterEach(async () => {
  await stack.stop();
  await simulator.stop();
});

/** A logger that stores all lines. */
function recorder(lines: string[]): Logger {
  const write = (message: string, fields?: object) => void lines.push(JSON.stringify([message, fields]));
  const logger: Logger = {
    error: write,
    warn: write,
    info: write,
    debug: write,
    child: () => logger,
    isDebugEnabled: () => true,
  };
  return logger;
}

async function start(userInfo: string, lines: string[] = []): Promise<void> {
  simulator = await startSimulator({ requireHeader: { name: 'authorization', value: `Basic ${BASIC}` } });
  stack = await Stack.start({
    simulators: [],
    env: { COMFYUI_HOST: `http://${userInfo}@${simulator.host}` },
    logger: recorder(lines),
  });
}

/** Everything that can be read without a key. */
async function shown(): Promise<string> {
  const paths = [
    '/health',
    '/metrics',
    '/api/metrics',
    '/api/jobs/list',
    '/api/circuit-breakers',
    '/openapi.json',
    '/api/v2/openapi.json',
  ];
  const answers = await Promise.all(paths.map((path) => stack.client.request(path)));
  return (await Promise.all(answers.map((answer) => answer.text()))).join('\n');
}

describe("credentials in a machine's URL", () => {
  it('are sent with every request and on its sockets, and shown nowhere', async () => {
    const lines: string[] = [];
    await start(USER_INFO, lines);
    const { body } = await stack.client.process('remove-background', await png());
    expect(body.comfyui_instance).toBe(simulator.host);
    expect(stack.services.connections.stats()[simulator.host]?.connected).toBe(1);
    const all = `${await shown()}${JSON.stringify(body)}${lines.join('\n')}`;
    for (const secret of SECRETS) expect(all).not.toContain(secret);
  });

  it('are not shown when the machine does not take them either', async () => {
    const lines: string[] = [];
    await start('gpu%20user:wrong-word', lines);
    const failed = await stack.client.refused('/api/remove-background', await png(), 503);
    const all = `${await shown()}${JSON.stringify(failed)}${lines.join('\n')}`;
    expect(all).not.toMatch(/wrong-word|gpu user|gpu%20user|Basic/);
    expect(lines.join('\n')).toContain(simulator.host);
  });
});
