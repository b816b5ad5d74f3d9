import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { jsonIfValid } from '../utils/jsonIfValid.js';
import { writeAnswer } from './answers.js';
import { type Call, readCall } from './http.js';
import type { Simulator } from './index.js';
import { MISCHIEF, type MischiefName } from './mischief.js';
import { MOMENTS } from './prompt.js';

const trapSchema = z.object({
  name: z.enum(Object.keys(MISCHIEF) as [MischiefName, ...MischiefName[]]),
  at: z.enum(MOMENTS).optional(),
  afterMs: z.int().min(0).max(60_000).default(0),
  output: z.string().default(''),
});

const settingSchema = z.object({ workMs: z.number().min(0), isOccupied: z.boolean() }).partial();

/**
 * Starts an HTTP server that controls the faults of a simulated ComfyUI. It has its own port, so that it works in any state of
 * the machine:
 * - `GET /` returns the state.
 * - `POST /` with `{ name, at?, afterMs?, output? }` starts a fault, or sets a trap for it if `at` is given.
 * - `DELETE /` ends all faults.
 * - `PUT /` with `{ workMs?, isOccupied? }` sets the time of each model node, and starts or ends a prompt of another client that
 *   runs until it is released.
 */
export async function startControl(simulator: Simulator, port: number, host: string): Promise<Server> {
  const server = createServer((request, response) => void answer(simulator, request, response));
  // A client must not find its connection closed when it sends the next request.
  server.keepAliveTimeout = 0;
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
  const refusal = call && (await obey(simulator, call));
  if (refusal) writeAnswer(response, { status: 400, json: refusal });
  else writeAnswer(response, { status: 200, json: stateOf(simulator) });
}

/**
 * Executes a control request.
 * @returns the error if the request is invalid, otherwise undefined
 */
async function obey(simulator: Simulator, { method, body }: Call): Promise<object | undefined> {
  switch (method) {
    case 'DELETE':
      await simulator.behave();
      return undefined;
    case 'PUT': {
      const setting = settingSchema.safeParse(jsonIfValid(body.toString()));
      if (!setting.success) return { error: z.prettifyError(setting.error) };
      const { workMs, isOccupied } = setting.data;
      if (workMs !== undefined) simulator.setWork(workMs);
      if (isOccupied === true) simulator.occupy();
      if (isOccupied === false) simulator.release();
      return undefined;
    }
    case 'POST': {
      const trap = trapSchema.safeParse(jsonIfValid(body.toString()));
      if (!trap.success) {
        return { error: z.prettifyError(trap.error), names: Object.keys(MISCHIEF), moments: MOMENTS };
      }
      const { at, ...mischief } = trap.data;
      if (at === undefined) await simulator.traps.set(mischief.name);
      else simulator.traps.waiting = { ...mischief, at };
      return undefined;
    }
    default:
      return undefined;
  }
}

function stateOf(simulator: Simulator) {
  return {
    host: simulator.host,
    running: simulator.isRunning,
    trap: simulator.traps.waiting ?? null,
    sprung: simulator.traps.sprung ?? null,
    prompts: simulator.promptIds.length,
    executions: simulator.executions,
    runs: simulator.log.runs,
    lost: simulator.log.lost,
    strangers: simulator.strangerIds.size,
    queue: simulator.queueRemaining,
    history: simulator.historyIds.length,
    sockets: simulator.sockets.size,
  };
}
