import { once } from 'node:events';
import type { Server } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { workOnImages } from './services/images/settings.js';
import type { Services } from './services/index.js';
import { settledWithin } from './utils/deadline.js';
import type { Logger, RootLogger } from './utils/logger.js';
import { TimeBudget } from './utils/TimeBudget.js';
import { sleep } from './utils/timers.js';

interface Parts {
  readonly servers: readonly Server[];
  readonly services: Services;
  readonly logger: RootLogger;
}

/** Reserve for the connections of clients and for the log: a tenth, at most half a second. */
const LAST_STEPS = { share: 0.1, maxMs: 500 };
/**
 * Time in which the results of jobs that end during the shutdown can be fetched, ms: many clients ask once per second for the state
 * and then need two or three more requests.
 */
const FETCH_MS = 3000;
/** Minimum time of the last steps, even if no time is left, ms. */
const MIN_MS = 50;
/** Delay until the process is killed after its time is over, ms. */
const LAST_MOMENT_MS = 150;
/** More connections than wait for a responsive server. */
const MAX_TURNS = 1000;
/** npm forwards a signal that the process has already received if both are in one group, as with Ctrl-C, ms. */
const SAME_SIGNAL_MS = 1000;

/**
 * Shuts the process down: with code 0 after a signal, with code 1 after an uncaught error. One budget runs from that
 * moment to the exit. A second signal ends the process at once.
 */
export class Stopper {
  readonly #parts: Parts;
  readonly #timeoutMs: number;
  readonly #log: Logger;
  /** `performance.now()` at the start of the shutdown; undefined while the server runs. */
  #beganAt: number | undefined;
  #exitCode = 0;

  constructor(parts: Parts, timeoutMs: number, log: Logger) {
    this.#parts = parts;
    this.#timeoutMs = timeoutMs;
    this.#log = log;
  }

  /** Listens for signals and uncaught errors. */
  listen(): void {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => this.#onSignal(signal));
    process.on('uncaughtException', (error) => this.#onUncaught('Uncaught exception', error));
    process.on('unhandledRejection', (reason) => this.#onUncaught('Unhandled rejection', reason));
  }

  #onSignal(signal: string): void {
    if (this.#beganAt === undefined) {
      this.#log.info('Stopping', { signal, activeJobs: this.#parts.services.processor.activeJobs });
      void this.#stop();
      return;
    }
    const isPassedOn = process.env['npm_lifecycle_event'] !== undefined;
    if (!isPassedOn || performance.now() - this.#beganAt > SAME_SIGNAL_MS) exit(1);
  }

  /** The state of the program is unknown: it shuts down, and its supervisor restarts it. */
  #onUncaught(message: string, error: unknown): void {
    this.#log.error(message, { stack: error instanceof Error ? error.stack : String(error) });
    this.#exitCode = 1;
    if (this.#beganAt === undefined) void this.#stop();
  }

  async #stop(): Promise<void> {
    this.#beganAt = performance.now();
    const { servers, services, logger } = this.#parts;
    const whole = new TimeBudget(this.#timeoutMs);
    setTimeout(() => exit(1), this.#timeoutMs + LAST_MOMENT_MS);
    const lastStepsMs = Math.min(LAST_STEPS.maxMs, this.#timeoutMs * LAST_STEPS.share);
    // The ports stay open meanwhile: clients fetch their results, and load balancers read "critical".
    const servicesMs = Math.max(MIN_MS, this.#timeoutMs - lastStepsMs);
    const leftBehind = await services.stop(new TimeBudget(servicesMs), FETCH_MS);
    if (leftBehind.length > 0) this.#exitCode = 1;
    const graceMs = whole.leftMs * 0.8;
    await Promise.all(servers.map((server) => this.#closeServer(server, graceMs)));
    this.#log.info('Stopped');
    await settledWithin(Math.max(MIN_MS, whole.leftMs), logger.close()).catch(() => undefined);
    while (isHeld() && whole.leftMs > 0) await sleep(5);
    exit(this.#exitCode);
  }

  /** Responses in progress get `graceMs`; clients that do not read are then disconnected. */
  async #closeServer(server: Server, graceMs: number): Promise<void> {
    const closed = once(server, 'close');
    await takeConnections(server);
    server.close();
    this.#parts.services.closing.abort();
    server.closeIdleConnections();
    const cutOff = setTimeout(() => server.closeAllConnections(), Math.min(500, graceMs));
    await closed;
    clearTimeout(cutOff);
  }
}

/**
 * Accepts the connections that are in the system's backlog: they would be reset, and a proxy may not repeat a POST.
 * Node accepts one per turn of the event loop.
 */
async function takeConnections(server: Server): Promise<void> {
  let taken = 0;
  const count = () => {
    taken += 1;
  };
  server.on('connection', count);
  for (let turns = 0, before = -1; before < taken && turns < MAX_TURNS; turns += 1) {
    before = taken;
    // Between two of them, the event loop has polled for connections.
    await nextTurn();
    await nextTurn();
  }
  server.off('connection', count);
}

/**
 * Whether file operations, DNS lookups or work on images are in progress. Node waits for them, even in
 * `process.exit`, and an operation on a hanging disk never ends.
 */
function isHeld(): boolean {
  const kinds = process.getActiveResourcesInfo();
  return workOnImages() > 0 || kinds.some((kind) => /^(FSReq|GetAddrInfo|GetNameInfo)/.test(kind));
}

/** Ends the process now, by a signal if nothing else works. */
function exit(code: number): never {
  if (isHeld()) process.kill(process.pid, 'SIGKILL');
  process.exit(code);
}
