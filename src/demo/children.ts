import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const READY_TIMEOUT_MS = 30_000;

/** A program of this project as a process of its own. */
export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  #output = '';

  /** @param nodeArgs arguments of Node itself */
  constructor(
    name: string,
    script: URL,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    nodeArgs: readonly string[] = [],
  ) {
    this.#name = name;
    this.#process = spawn(process.execPath, [...nodeArgs, fileURLToPath(script), ...args], {
      // Variables of the person's own must not lead the demo to their real machines.
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C on a terminal goes to the whole group; the demo ends its children itself, in order.
      detached: true,
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (part: Buffer) => {
        this.#output = (this.#output + part.toString()).slice(-100_000);
      });
    }
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Waits for the first match in what it writes. */
  async says(pattern: RegExp): Promise<string> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      const found = pattern.exec(this.#output)?.[1];
      if (found !== undefined) return found;
      if (this.#process.exitCode !== null || performance.now() > deadline) {
        throw new Error(`The ${this.#name} did not start:\n${this.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }
}
