import { type Server } from 'node:http';
import type { Simulator } from './index.js';
/**
 * A way to make a simulated ComfyUI misbehave from outside, on a port of its own so that it works whatever state
 * the machine is in: `GET /` tells its state, `POST /` with `{ name, at?, afterMs?, output? }` starts
 * mischief or lays a trap, `DELETE /` ends it all; `PUT /` with `{ workMs }` sets how long each model node takes.
 */
export declare function startControl(simulator: Simulator, port: number, host: string): Promise<Server>;
/** `host:port` of a control server. */
export declare function addressOf(server: Server): string;
