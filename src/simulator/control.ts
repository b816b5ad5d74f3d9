import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { writeAnswer } from './answers.js';
import { parseJson, readCall } from './http.js';
import type { Simulator } from './index.js';
import { MISCHIEF, type MischiefName } from './mischief.js';
import { MOMENTS } from './prompt.js';

const trapSchema = z.object({
  name: z.enum(Object.keys(MISCHIEF) as [MischiefName, ...MischiefName[]]),
  at: z.enum(MOMENTS).optional(),
  afterMs: z.int().min(0).max(60_000).default(0),
  output: z.string().default(''),
});

/**
 * A way to make a simulated ComfyUI misbehave from outside, on a port of its own so that it works whatever state
 * the machine is in: `GET /` tells its state, `POST /` with `{ name, at?, afterMs?, output? }` starts
 * mischief or lays a trap, `DELETE /` ends it all.
 */
export async function startControl(simulator: Simulator, port: number, host: string): Promise<Server> {
  const server = createServer((request, response) => void answer(simulator, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return server;
}

/** `host:port` of a control server. */
export function addressOf(server: Server): string {
  const { address, port } = server.address() as AddressInfo;
  return `${address}:${port}`;
}

async function answer(
  simulator: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call = await readCall(request);
  if (call?.method === 'DELETE') await simulator.behave();
  else if (call?.method === 'POST') {
    const trap = trapSchema.safeParse(parseJson(call.body));
    if (!trap.success) {
      const json = { error: z.prettifyError(trap.error), names: Object.keys(MISCHIEF), moments: MOMENTS };
      return writeAnswer(response, { status: 400, json });
    }
    const { at, ...mischief } = trap.data;
    if (at === undefined) await simulator.traps.set(mischief.name);
    else simulator.traps.waiting = { ...mischief, at };
  }
  writeAnswer(response, { status: 200, json: stateOf(simulator) });
}

function stateOf(simulator: Simulator) {
  return {
    host: simulator.host,
    running: simulator.isRunning,
    trap: simulator.traps.waiting ?? null,
    sprung: simulator.traps.sprung ?? null,
    prompts: simulator.promptIds.length,
    queue: simulator.queueRemaining,
    history: simulator.historyIds.length,
    sockets: simulator.sockets.size,
  };
}
