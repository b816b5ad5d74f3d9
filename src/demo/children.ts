import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const READY_TIMEOUT_MS = 60_000;

/**
 * Runs a program of this project as a child process. Its output goes to a file: reading it from a pipe would wake the parent for
 * every line, and benchmarks would measure that.
 */
export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'child-'));
  readonly #output = path.join(this.#folder, 'output.log');

  /** @param nodeArgs arguments for Node */
  constructor(
    name: string,
    script: URL,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    nodeArgs: readonly string[] = [],
  ) {
    this.#name = name;
    const output = openSync(this.#output, 'a');
    this.#process = spawn(process.execPath, [...nodeArgs, fileURLToPath(script), ...args], {
      // Settings of the user must not connect the demo to real machines or stores: neither variables, nor the file .env of the
      // working directory, nor the folders that relative paths lead to.
      env: { PATH: process.env['PATH'], ...env },
      cwd: this.#folder,
      stdio: ['ignore', output, output],
      // Ctrl-C in a terminal signals the whole process group; the demo stops its children itself, in order.
      detached: true,
    });
    closeSync(output);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /**
   * Waits for the first match in the output.
   * @param stopping ends the wait; nothing by default
   */
  async says(pattern: RegExp, stopping: AbortSignal = AbortSignal.any([])): Promise<string> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      const output = readFileSync(this.#output, 'utf8');
      const found = pattern.exec(output)?.[1];
      if (found !== undefined) return found;
      if (this.#hasEnded || performance.now() > deadline) {
        throw new Error(`The ${this.#name} did not start:\n${output}`);
      }
      await sleep(25, undefined, { signal: stopping });
    }
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}
